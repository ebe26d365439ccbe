-- Writes down what the chosen route assigned, before anything can go wrong with
-- the request, and tells the client in the answer.

local NAMESPACE = "algolink"
local KEYS = { "experiment", "phase", "arm", "version", "revision" }

function envoy_on_request(handle)
  local headers = handle:headers()
  local context = handle:filterContext()
  local note = handle:streamInfo():dynamicMetadata()
  if context == nil then return end
  for _, key in ipairs(KEYS) do
    local value = context:get(key)
    if value then note:set(NAMESPACE, key, value) end
  end
  local version = context:get("version")
  if version then headers:replace("x-al-version", version) end
  local unit = context:get("unit")
  if unit == "request" then
    note:set(NAMESPACE, "unit", headers:get("x-request-id"))
  elseif unit == "header" then
    note:set(NAMESPACE, "unit", headers:get("x-al-unit"))
  end
end

-- The version that answered. A gRPC replica says it in its trailers, to have
-- headers, message and trailers leave in one piece, so its headers are believed
-- to come from the version that it was told to run, unless they are an error.
local function answered(headers, note)
  local served = headers:get("x-al-served")
  if served then return served end
  local is_grpc = (headers:get("content-type") or ""):sub(1, 16) == "application/grpc"
  if is_grpc and not headers:get("grpc-status") then return note["version"] end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local note = handle:streamInfo():dynamicMetadata():get(NAMESPACE) or {}
  local answers = {
    ["x-algolink-arm"] = note["arm"],
    ["x-algolink-experiment"] = note["experiment"],
    ["x-algolink-version"] = answered(headers, note),
    ["x-algolink-request-id"] = note["request_id"],
  }
  for _, name in ipairs({
    "x-algolink-arm", "x-algolink-experiment", "x-algolink-version", "x-algolink-request-id",
  }) do
    if answers[name] then headers:replace(name, answers[name]) else headers:remove(name) end
  end
  headers:remove("x-al-served")
end

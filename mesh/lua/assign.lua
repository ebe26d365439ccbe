-- Writes down what the chosen route assigned, before anything can go wrong with
-- the request, and tells the client in the answer.

local NAMESPACE = "algolink"
local KEYS = { "experiment", "phase", "arm", "version", "revision", "plan", "pin" }
local ANSWERS = {
  "x-algolink-arm", "x-algolink-experiment", "x-algolink-version", "x-algolink-request-id",
  "x-algolink-fallback",
}

function envoy_on_request(handle)
  local headers = handle:headers()
  local context = handle:filterContext()
  local note = handle:streamInfo():dynamicMetadata()
  if context == nil then return end
  for _, key in ipairs(KEYS) do
    local value = context:get(key)
    if value then
      note:set(NAMESPACE, key, value)
      -- The log of attempts and shadows can read it nowhere else.
      headers:replace("x-al-" .. key, value)
    end
  end
  for name, value in pairs(context:get("headers") or {}) do headers:replace(name, value) end
  local unit = context:get("unit")
  if unit == "request" then headers:replace("x-al-unit", headers:get("x-request-id")) end
  if unit then note:set(NAMESPACE, "unit", headers:get("x-al-unit")) end
end

-- The version that the last attempt was for: the assigned one, or that of the plan.
local function tried(headers, note)
  if not note["plan"] then return note["version"] end
  local attempt = tonumber(headers:get("x-envoy-attempt-count")) or 1
  local number = 0
  for version in note["plan"]:gmatch("%d+") do
    number = number + 1
    if number == attempt then return version end
  end
end

-- The version that answered. A gRPC replica says it in its trailers, to have
-- headers, message and trailers leave in one piece, so its headers are believed
-- to come from the version that it was told to run, unless they are an error. A
-- foreign server never says it: it ran what was written into the request.
local function answered(headers, note)
  local served = headers:get("x-al-served")
  if served then return served end
  local is_grpc = (headers:get("content-type") or ""):sub(1, 16) == "application/grpc"
  if is_grpc then
    if not headers:get("grpc-status") then return tried(headers, note) end
  elseif note["pin"] and headers:get(":status") == "200" then
    return tried(headers, note)
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local note = handle:streamInfo():dynamicMetadata():get(NAMESPACE) or {}
  local version = answered(headers, note)
  local is_fallback = note["plan"] and version and version ~= note["version"]
  local answers = {
    ["x-algolink-arm"] = note["arm"],
    ["x-algolink-experiment"] = note["experiment"],
    ["x-algolink-version"] = version,
    ["x-algolink-request-id"] = note["request_id"],
    ["x-algolink-fallback"] = is_fallback and "true" or nil,
  }
  for _, name in ipairs(ANSWERS) do
    if answers[name] then headers:replace(name, answers[name]) else headers:remove(name) end
  end
  headers:remove("x-al-served")
  headers:remove("x-envoy-attempt-count")
end

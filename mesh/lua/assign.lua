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
  -- A body of REST that does not say its length is taken up to the route's limit, or refused.
  local is_grpc = (headers:get("content-type") or ""):sub(1, 16) == "application/grpc"
  if not is_grpc and not headers:get("content-length") then handle:body() end
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

local WEB = "application/grpc-web"
local WEB_TEXT = "application/grpc-web-text"
local GRPC_STATUS = {
  ["400"] = "3", ["403"] = "7", ["404"] = "5", ["408"] = "4", ["412"] = "9", ["413"] = "8",
  ["429"] = "14", ["501"] = "12", ["502"] = "14", ["503"] = "14", ["504"] = "14",
}

local function percent(byte) return string.format("%%%02X", byte:byte()) end

-- What a gRPC-Web client takes for trailers: a frame at the end of the body.
local function trailer_frame(status, message)
  local text = "grpc-status:" .. status .. "\r\ngrpc-message:" .. message .. "\r\n"
  local length = #text
  return string.char(128, 0, math.floor(length / 65536) % 256, math.floor(length / 256) % 256,
    length % 256) .. text
end

-- An answer of Envoy's own to a gRPC-Web client, which would be told a status
-- that is guessed from HTTP's. In base64 it is: there Envoy lets nothing but
-- messages through.
local function answer_web(handle)
  local body = handle:body()
  local headers = handle:headers()
  local status = headers:get("grpc-status") or GRPC_STATUS[headers:get(":status")] or "2"
  local text = body and body:getBytes(0, body:length()) or ""
  local message = text:gsub("[^\32-\36\38-\126]", percent)
  headers:replace(":status", "200")
  headers:replace("content-type", "application/grpc")
  if body then
    headers:remove("grpc-status")
    headers:remove("content-length")
    body:setBytes(trailer_frame(status, message))
  else
    headers:replace("grpc-status", status)
  end
  handle:streamInfo():dynamicMetadata():set(NAMESPACE, "web_status", status)
end

-- gRPC-Web puts the trailers into the body, where the log cannot read them.
local function note_trailers(handle)
  for _ in handle:bodyChunks() do end
  local trailers = handle:trailers()
  if trailers == nil then return end
  local note = handle:streamInfo():dynamicMetadata()
  for key, name in pairs({ web_status = "grpc-status", web_version = "x-al-served" }) do
    local value = trailers:get(name)
    if value then note:set(NAMESPACE, key, value) end
  end
  trailers:remove("x-al-served")
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
  if (note["content_type"] or ""):sub(1, #WEB) ~= WEB then return end
  -- What was read from the handle is no longer valid once body or trailers were waited for.
  if (headers:get("content-type") or ""):sub(1, 16) ~= "application/grpc" then
    if note["content_type"]:sub(1, #WEB_TEXT) ~= WEB_TEXT then answer_web(handle) end
  elseif headers:get("grpc-status") then
    handle:streamInfo():dynamicMetadata():set(NAMESPACE, "web_status", headers:get("grpc-status"))
  else
    note_trailers(handle)
  end
end

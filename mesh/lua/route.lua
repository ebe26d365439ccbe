-- Reads off a request what its route depends on, before the route is chosen:
-- the model and version that it names, what it asks for, its unit and attributes.
-- Headers that begin with x-al- are ours alone: a client's were removed before.

local BODY_LIMIT_BYTES = 67108864
local UNIT_HEADER = "x-algolink-unit"
local UNIT_MAX_LENGTH = 128
local ATTRIBUTE_HEADER = "^x%-algolink%-attr%-([a-z0-9-]+)$"
local ATTRIBUTE_NAME_MAX_LENGTH = 32
local ATTRIBUTE_MAX_LENGTH = 256
local EXTRACTED = "envoy.filters.http.grpc_field_extraction"
local SERVICE = "/inference.GRPCInferenceService/"

local GRPC_OPERATIONS = {
  ModelInfer = "infer",
  ModelStreamInfer = "stream",
  ModelReady = "info",
  ModelMetadata = "info",
  ModelConfig = "info",
  ModelStatistics = "info",
}
local SERVER_CALLS = { ServerLive = true, ServerReady = true, ServerMetadata = true }
local REST_OPERATIONS = {
  [""] = "info", ready = "info", config = "info", stats = "info", infer = "infer",
}
local GRPC_STATUS = { ["400"] = "3", ["404"] = "5", ["501"] = "12" }

-- A client's text in a message of ours: short, and printable.
local function shown(text)
  local cut = text:sub(1, 80):gsub("[^\32-\126]", "?")
  if #text > 80 then cut = cut .. "..." end
  return "'" .. cut .. "'"
end

-- The local reply configuration makes of it what a gRPC or REST client expects.
local function refuse(handle, is_grpc, status, message)
  local headers = { [":status"] = status }
  if is_grpc then headers["grpc-status"] = GRPC_STATUS[status] end
  handle:respond(headers, message)
end

-- Values that the extraction filter found in the first message are lists.
local function first(value)
  if type(value) == "table" then value = value[1] end
  return value or ""
end

local function is_model_id(text)
  return #text <= 63 and text:match("^%l[%l%d-]*$") ~= nil and text:sub(-1) ~= "-"
end

local function is_version_number(text)
  return #text <= 18 and text:match("^[1-9]%d*$") ~= nil
end

-- Model, version and operation of a gRPC call, or nil and a status with its reason.
local function read_grpc(handle, path)
  local method = path:match("^" .. SERVICE:gsub("%.", "%%.") .. "(%a+)$")
  if method and SERVER_CALLS[method] then return "_server", "", "server" end
  local operation = method and GRPC_OPERATIONS[method]
  if not operation then
    return nil, "501", shown(path) .. " is not forwarded: call a replica's own port"
  end
  local fields = handle:streamInfo():dynamicMetadata():get(EXTRACTED) or {}
  local model = first(fields["model_name"] or fields["name"])
  if model == "" then return nil, "400", "the request names no model: set model_name" end
  return model, first(fields["model_version"] or fields["version"]), operation
end

-- The same of a REST call.
local function read_rest(path)
  path = path:match("^[^?#]*")
  if path == "/v2" or path == "/v2/" or path == "/v2/health/live" or path == "/v2/health/ready" then
    return "_server", "", "server"
  end
  local model, rest = path:match("^/v2/models/([^/]+)(.*)$")
  if not model then
    return nil, "404", shown(path) .. " is not served: use /v2/models/{model}/infer"
  end
  local version, tail = rest:match("^/versions/([^/]+)(.*)$")
  if version then rest = tail end
  local operation = REST_OPERATIONS[rest:gsub("^/", "")]
  if not operation then
    return nil, "404", shown(path) .. " is not served: use /v2/models/{model}/infer"
  end
  return model, version or "", operation
end

-- Exactly one well-formed unit becomes ours; anything else is as if none was
-- sent, and is not passed on either: a replica may refuse headers of that size.
local function read_unit(headers)
  local unit = headers:get(UNIT_HEADER)
  if unit == nil then return end
  if headers:getNumValues(UNIT_HEADER) == 1
      and #unit <= UNIT_MAX_LENGTH
      and unit:match("^[A-Za-z0-9._:@+/=-]+$") then
    headers:replace("x-al-unit", unit)
  else
    headers:remove(UNIT_HEADER)
  end
end

-- Attributes alike: one printable value of up to 256 bytes becomes ours, and all
-- else is as if it was not sent, so that it fails every condition.
local function read_attributes(headers)
  local values = {}
  for key, value in pairs(headers) do
    local name = key:match(ATTRIBUTE_HEADER)
    if name and #name <= ATTRIBUTE_NAME_MAX_LENGTH then
      values[name] = values[name] == nil and value or ""
    end
  end
  for name, value in pairs(values) do
    if #value <= ATTRIBUTE_MAX_LENGTH and value:match("^[\32-\126]+$") then
      headers:replace("x-al-attr-" .. name, value)
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path") or ""
  local content_type = headers:get("content-type") or ""
  local is_grpc = content_type == "application/grpc" or content_type:sub(1, 17) == "application/grpc+"
  handle:streamInfo():dynamicMetadata():set("algolink", "request_id", headers:get("x-request-id"))
  -- A gRPC message has to fit into a buffer to be read, and is refused there.
  if not is_grpc and tonumber(headers:get("content-length") or 0) > BODY_LIMIT_BYTES then
    refuse(handle, is_grpc, "413", "the request is too large")
    return
  end
  local model, version, operation
  if is_grpc then
    model, version, operation = read_grpc(handle, path)
  else
    model, version, operation = read_rest(path)
  end
  if model == nil then
    refuse(handle, is_grpc, version, operation)
    return
  end
  if operation ~= "server" and not is_model_id(model) then
    refuse(handle, is_grpc, "404", "no model is called " .. shown(model)
      .. ": a model id is 1 to 63 of a-z0-9-, starting with a letter")
    return
  end
  if version ~= "" then
    if not is_version_number(version) then
      refuse(handle, is_grpc, "400", shown(version)
        .. " is not a version: use its number, or none to let the route decide")
      return
    end
    headers:replace("x-al-requested-version", version)
  end
  headers:replace("x-al-model", model)
  headers:replace("x-al-operation", operation)
  read_unit(headers)
  read_attributes(headers)
  handle:clearRouteCache()
end

-- For gateways that route by headers alone: removes what only we may say, passes on
-- a unit if the client sent exactly one that is well-formed, and attributes alike.

local UNIT_HEADER = "x-algolink-unit"
local UNIT_MAX_LENGTH = 128
local ATTRIBUTE_HEADER = "^x%-algolink%-attr%-([a-z0-9-]+)$"
local ATTRIBUTE_NAME_MAX_LENGTH = 32
local ATTRIBUTE_MAX_LENGTH = 256

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

-- What is not one printable value of up to 256 bytes is as if it was not sent, so
-- that it fails every condition.
local function read_attributes(headers, values)
  for name, value in pairs(values) do
    if #value <= ATTRIBUTE_MAX_LENGTH and value:match("^[\32-\126]+$") then
      headers:replace("x-al-attr-" .. name, value)
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local internal, attributes = {}, {}
  for key, value in pairs(headers) do
    if key:sub(1, 5) == "x-al-" then table.insert(internal, key) end
    local name = key:match(ATTRIBUTE_HEADER)
    if name and #name <= ATTRIBUTE_NAME_MAX_LENGTH then
      attributes[name] = attributes[name] == nil and value or ""
    end
  end
  for _, key in ipairs(internal) do headers:remove(key) end
  read_unit(headers)
  read_attributes(headers, attributes)
  handle:clearRouteCache()
end

-- For gateways that route by headers alone: removes what only we may say, and
-- passes on a unit if the client sent exactly one that is well-formed.

local UNIT_HEADER = "x-algolink-unit"
local UNIT_MAX_LENGTH = 128

function envoy_on_request(handle)
  local headers = handle:headers()
  local internal = {}
  for name, _ in pairs(headers) do
    if name:sub(1, 5) == "x-al-" then table.insert(internal, name) end
  end
  for _, name in ipairs(internal) do headers:remove(name) end
  local unit = headers:get(UNIT_HEADER)
  if unit ~= nil then
    if headers:getNumValues(UNIT_HEADER) == 1
        and #unit <= UNIT_MAX_LENGTH
        and unit:match("^[A-Za-z0-9._:@+/=-]+$") then
      headers:replace("x-al-unit", unit)
    else
      headers:remove(UNIT_HEADER)
    end
  end
  if unit ~= nil or #internal > 0 then handle:clearRouteCache() end
end

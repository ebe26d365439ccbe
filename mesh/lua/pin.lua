-- Runs once per attempt: tells the server which version this one is for.
-- The plan is of the assigned route; without one every attempt is alike. Attempts
-- share their headers, so the plan is read by number and stays.
-- A replica of ours reads the version from a header. For a foreign server it is
-- written into the message, or the path, and wins over what the client wrote there.

local VERSION_FIELD = "\18" -- number 2, length-delimited: of every request that names a model

local function planned(headers)
  local plan = headers:get("x-al-plan")
  if plan == nil then return nil end
  local attempt = tonumber(headers:get("x-envoy-attempt-count")) or 1
  local number = 0
  for version in plan:gmatch("%d+") do
    number = number + 1
    if number == attempt then return version end
  end
end

local function prefix(length)
  return string.char(0, math.floor(length / 16777216) % 256, math.floor(length / 65536) % 256,
    math.floor(length / 256) % 256, length % 256)
end

local function length_of(text, first)
  local a, b, c, d = text:byte(first, first + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- The last value of a field wins, so it is appended.
local function pin_message(handle, field)
  local body = handle:body()
  local size = body and body:length() or 0
  local text = size >= 5 and body:getBytes(0, size) or ""
  if size < 5 or text:byte(1) ~= 0 or length_of(text, 2) ~= size - 5 then
    handle:respond({ [":status"] = "200", ["content-type"] = "application/grpc",
      ["grpc-status"] = "12", ["grpc-message"] = "one message that is not compressed is taken" }, "")
    return
  end
  body:setBytes(prefix(size - 5 + #field) .. text:sub(6) .. field)
  handle:headers():remove("content-length")
end

-- The same for each message of a stream, as it passes: nothing waits for its end.
local function pin_messages(handle, field)
  -- A compressed one could not be told to be so any more, and is refused by the server.
  handle:headers():remove("grpc-encoding")
  local head, left, is_plain = "", 0, false
  for chunk in handle:bodyChunks() do
    local size = chunk:length()
    if size > 0 and size < left then
      left = left - size
    elseif size > 0 then
      local text, at, out = chunk:getBytes(0, size), 1, {}
      while at <= size do
        if left > 0 then
          local take = math.min(left, size - at + 1)
          out[#out + 1] = text:sub(at, at + take - 1)
          at, left = at + take, left - take
        else
          local take = math.min(5 - #head, size - at + 1)
          head, at = head .. text:sub(at, at + take - 1), at + take
          if #head == 5 then
            is_plain, left = head:byte(1) == 0, length_of(head, 2)
            out[#out + 1] = is_plain and prefix(left + #field) or head
            head = ""
          end
        end
        if left == 0 and is_plain and head == "" then
          out[#out + 1] = field
          is_plain = false
        end
      end
      chunk:setBytes(table.concat(out))
    end
  end
end

-- /v2/models/m, /v2/models/m/versions/1/infer -> /v2/models/m/versions/N, .../infer
local function pin_path(headers, version)
  local path = headers:get(":path")
  local model, rest = path:match("^(/v2/models/[^/?#]+)(.*)$")
  if model == nil then return end
  rest = rest:gsub("^/versions/[^/?#]+", "")
  headers:replace(":path", model .. "/versions/" .. version .. rest)
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local version = planned(headers) or headers:get("x-al-version")
  if version == nil then return end
  headers:replace("x-al-version", version)
  if headers:get("x-al-pin") == nil then return end
  local field = VERSION_FIELD .. string.char(#version) .. version
  if (headers:get("content-type") or ""):sub(1, 16) ~= "application/grpc" then
    pin_path(headers, version)
  elseif headers:get("x-al-operation") == "stream" then
    pin_messages(handle, field)
  else
    pin_message(handle, field)
  end
end

-- Marks requests of units that are held out of what splits the model's traffic.
-- Envoy hashes a request once, for the split; the holdout has a salt of its own,
-- so that the same units are held out of every split, and is hashed here: the
-- bucket of algolink.split, bit for bit (XXH64, seed 0).

local BUCKETS = 10000ULL
local P1, P2 = 0x9E3779B185EBCA87ULL, 0xC2B2AE3D27D4EB4FULL
local P3, P4 = 0x165667B19E3779F9ULL, 0x85EBCA77C2B2AE63ULL
local P5 = 0x27D4EB2F165667C5ULL
local WORD = 4294967296ULL

local function read32(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return 0ULL + (a + b * 256 + c * 65536 + d * 16777216)
end

local function read64(text, at)
  return read32(text, at) + read32(text, at + 4) * WORD
end

local function round(lane, input)
  return bit.rol(lane + input * P2, 31) * P1
end

local function merge(hash, lane)
  return bit.bxor(hash, round(0ULL, lane)) * P1 + P4
end

local function xxh64(text)
  local length, at, hash = #text, 1, P5
  if length >= 32 then
    local a, b, c, d = P1 + P2, P2, 0ULL, 0ULL - P1
    while at + 31 <= length do
      a, b = round(a, read64(text, at)), round(b, read64(text, at + 8))
      c, d = round(c, read64(text, at + 16)), round(d, read64(text, at + 24))
      at = at + 32
    end
    hash = bit.rol(a, 1) + bit.rol(b, 7) + bit.rol(c, 12) + bit.rol(d, 18)
    hash = merge(merge(merge(merge(hash, a), b), c), d)
  end
  hash = hash + length
  while at + 7 <= length do
    hash = bit.rol(bit.bxor(hash, round(0ULL, read64(text, at))), 27) * P1 + P4
    at = at + 8
  end
  if at + 3 <= length then
    hash = bit.rol(bit.bxor(hash, read32(text, at) * P1), 23) * P2 + P3
    at = at + 4
  end
  while at <= length do
    hash = bit.rol(bit.bxor(hash, text:byte(at) * P5), 11) * P1
    at = at + 1
  end
  hash = bit.bxor(hash, bit.rshift(hash, 33)) * P2
  hash = bit.bxor(hash, bit.rshift(hash, 29)) * P3
  return bit.bxor(hash, bit.rshift(hash, 32))
end

function envoy_on_request(handle)
  local headers, context = handle:headers(), handle:filterContext()
  local unit = headers:get("x-al-unit")
  if unit == nil then return end
  local bucket = tonumber(xxh64(context:get("layer") .. ":" .. unit) % BUCKETS)
  if bucket < tonumber(context:get("share_bp")) then
    headers:replace("x-al-held", "true")
    handle:clearRouteCache()
  end
end

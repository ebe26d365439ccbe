-- Runs once per attempt: tells the replica which version this one is for.
-- The plan is of the assigned route; without one every attempt is alike. Attempts
-- share their headers, so the plan is read by number and stays.

function envoy_on_request(handle)
  local headers = handle:headers()
  local plan = headers:get("x-al-plan")
  if plan == nil then return end
  local attempt = tonumber(headers:get("x-envoy-attempt-count")) or 1
  local number = 0
  for version in plan:gmatch("%d+") do
    number = number + 1
    if number == attempt then
      headers:replace("x-al-version", version)
      return
    end
  end
end

-- Sends `depth` requests at once and counts each answer: wrk -s bench/wrk/pipeline.lua URL -- 16
function init(args)
  local depth = tonumber(args[1]) or 16
  local requests = {}
  for i = 1, depth do requests[i] = wrk.format(nil) end
  batch = table.concat(requests)
end

function request()
  return batch
end

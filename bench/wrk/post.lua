-- POSTs as many bytes as asked for: wrk -s bench/wrk/post.lua URL -- 65536
function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.body = string.rep("x", tonumber(args[1]))
end

-- POST a body, each client pausing for about as many milliseconds as the second argument says;
-- at the end one line of JSON with latencies in microseconds and every failure.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function init(args)
  wrk.body = args[1]
  local pause = tonumber(args[2] or "0")
  if pause > 0 then
    delay = function() return math.random(1, 2 * pause - 1) end
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration":%d,"p50":%d,"p99":%d,"max":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.status, e.connect, e.read, e.write, e.timeout))
end

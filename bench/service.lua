-- Posts the files that $PICTURE names, separated by colons, in turn, with the header $HEADER: $VALUE.
-- Prints what service.py and memory.py read: requests, microseconds, latencies, errors.
local files = {}
for path in os.getenv("PICTURE"):gmatch("[^:]+") do
  local file = io.open(path, "rb")
  files[#files + 1] = file:read("*a")
  file:close()
end
wrk.method = "POST"
wrk.body = files[1]
wrk.headers[os.getenv("HEADER") or "Content-Type"] = os.getenv("VALUE") or "image/jpeg"

if #files > 1 then
  local requests, last = {}, 0
  function request()
    last = last % #files + 1
    requests[last] = requests[last] or wrk.format(nil, nil, nil, files[last])
    return requests[last]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

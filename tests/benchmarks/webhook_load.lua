-- Deliveries for wrk: signed ones from a file, each once, made by test_webhook_load.py --write.
--
--   python tests/benchmarks/test_webhook_load.py --write deliveries.tsv --key KEY
--   wrk -t1 -c16 -d30s --latency -s tests/benchmarks/webhook_load.lua URL -- deliveries.tsv
--
-- One thread, so that every delivery is sent once; when the file is used up it stops.

local lines, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    lines[#lines + 1] = line
  end
end

function request()
  at = at + 1
  if at > #lines then
    wrk.thread:stop()
    at = #lines
  end
  local signature, body = lines[at]:match("^(%S+)\t(.*)$")
  local headers = { ["x-xero-signature"] = signature, ["Content-Type"] = "application/json" }
  return wrk.format("POST", nil, headers, body)
end

-- SPDX-License-Identifier: MIT
-- Asks for "/". wrk itself counts every status from 400 on and every broken connection; with
-- HTTP_CHECK=1 in the environment each answer's text is compared too, which costs wrk more than
-- half of its speed. HTTP_PIPELINE=N sends N requests at a time.
local depth = tonumber(os.getenv("HTTP_PIPELINE") or "1")
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    wrong = 0
    batch = string.rep(wrk.format("GET", "/"), depth)
end

function request()
    return batch
end

if os.getenv("HTTP_CHECK") == "1" then
    function response(status, headers, body)
        if status ~= 200 or body ~= "Hello, World!" then
            wrong = wrong + 1
        end
    end
end

function done(summary, latency, requests)
    local wrong = 0
    for _, thread in ipairs(threads) do
        wrong = wrong + thread:get("wrong")
    end
    local e = summary.errors
    io.write(string.format(
        "RESULT requests=%d seconds=%.3f rate=%.0f " ..
        "p50=%.0f p90=%.0f p99=%.0f p999=%.0f max=%.0f errors=%d wrong=%d bytes=%d\n",
        summary.requests, summary.duration / 1e6, summary.requests / (summary.duration / 1e6),
        latency:percentile(50), latency:percentile(90), latency:percentile(99),
        latency:percentile(99.9), latency.max,
        e.connect + e.read + e.write + e.timeout + e.status, wrong,
        summary.bytes))
end

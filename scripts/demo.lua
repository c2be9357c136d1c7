-- SPDX-License-Identifier: MIT
-- Mixed traffic: of 1000 requests 970 ask for "/", 20 sleep 5 ms, 10 compute for 1 ms. wrk does
-- not say which request an answer belongs to, so every answer must be one of the three, whole.
local threads = {}

function setup(thread)
    thread:set("seed", #threads + 1)
    table.insert(threads, thread)
end

local kinds = {
    { share = 970, path = "/", body = "Hello, World!" },
    { share = 20, path = "/sleep?ms=5", body = "slept 5 ms\n" },
    { share = 10, path = "/cpu?ms=1", body = "computed 1 ms\n" },
}

function init(args)
    math.randomseed(seed)
    wrong, hello, slept, computed = 0, 0, 0, 0
    for _, kind in ipairs(kinds) do
        kind.request = wrk.format("GET", kind.path)
    end
end

function request()
    local n = math.random(1000)
    for _, kind in ipairs(kinds) do
        n = n - kind.share
        if n <= 0 then
            return kind.request
        end
    end
end

function response(status, headers, body)
    if status ~= 200 then
        wrong = wrong + 1
    elseif body == kinds[1].body then
        hello = hello + 1
    elseif body == kinds[2].body then
        slept = slept + 1
    elseif body == kinds[3].body then
        computed = computed + 1
    else
        wrong = wrong + 1
    end
end

function done(summary, latency, requests)
    local sum = { wrong = 0, hello = 0, slept = 0, computed = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(sum) do
            sum[name] = sum[name] + thread:get(name)
        end
    end
    local e = summary.errors
    io.write(string.format(
        "RESULT requests=%d seconds=%.3f rate=%.0f " ..
        "p50=%.0f p90=%.0f p99=%.0f p999=%.0f max=%.0f " ..
        "errors=%d wrong=%d hello=%d slept=%d computed=%d\n",
        summary.requests, summary.duration / 1e6, summary.requests / (summary.duration / 1e6),
        latency:percentile(50), latency:percentile(90), latency:percentile(99),
        latency:percentile(99.9), latency.max,
        e.connect + e.read + e.write + e.timeout + e.status, sum.wrong,
        sum.hello, sum.slept, sum.computed))
end

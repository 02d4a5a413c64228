# Ruby's Rinda in process: what read_all-free matching costs among 10^3 .. MAX stored tuples. usage: rinda_curve.rb N MAX
require "json"
require "rinda/tuplespace"

n, max = ARGV.map(&:to_i)
space = Rinda::TupleSpace.new
stored = 0
want = 1000
while want <= max
  (stored...want).each { |i| space.write(["k%07d" % i, i, "z%07d" % i]) }
  stored = want
  rounds = [n, 2_000_000 / want].min.clamp(3, n)
  { "hit" => ->(i) { space.read([nil, nil, "z%07d" % i], 0) },
    "miss" => ->(_) { begin; space.read([nil, nil, "none"], 0); rescue Rinda::RequestExpiredError; end } }.each do |name, op|
    times = rounds.times.map do
      i = rand(stored)
      begin_at = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      op.call(i)
      (Process.clock_gettime(Process::CLOCK_MONOTONIC) - begin_at) * 1e6
    end
    puts({ metric: "rdp #{name}, last field among #{want}", value: times.sort[times.size / 2], unit: "us" }.to_json)
  end
  want *= 10
end

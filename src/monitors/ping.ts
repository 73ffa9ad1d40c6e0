import { defineMonitor } from '../sdk/index.ts'

/** Thresholds: 20 and 60 % loss, as the plugins that ping are commonly set. */
export default defineMonitor({
  id: 'ping',
  title: 'Ping',
  summary: 'Sends ICMP echoes and measures loss, round trip and jitter.',
  connector: 'icmp',
  settings: {
    count: {
      kind: 'number',
      label: 'Packets',
      help: 'More show smaller losses and take longer.',
      integer: true,
      min: 1,
      max: 50,
      default: 5,
    },
    interval: { kind: 'duration', label: 'Between two packets', default: '200ms', min: '10ms', max: '5s' },
    timeout: {
      kind: 'duration',
      label: 'Wait for an answer',
      help: 'A later answer counts as lost.',
      default: '1s',
      min: '10ms',
      max: '10s',
    },
    size: { kind: 'number', label: 'Bytes of payload', integer: true, min: 16, max: 9000, default: 56 },
  },
  metrics: {
    loss: { title: 'Packets without an answer', unit: '%' },
    rtt_min: { title: 'Shortest round trip', unit: 'ms' },
    rtt_avg: { title: 'Mean round trip', unit: 'ms' },
    rtt_max: { title: 'Longest round trip', unit: 'ms' },
    jitter: { title: 'Mean difference of one round trip to the next', unit: 'ms' },
  },
  period: '1m',
  timeout: '15s',
  tested: 'real server',
  thresholdsFrom: '20 and 60 % loss, the limits that monitoring plugins are commonly given.',
  tryIt:
    '`farwatch check ping --set host=192.0.2.1`: an address of documentation, at which nobody answers, raises “packets lost”.',
  rules: [
    { name: 'cannot ping', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'packets lost', metric: 'loss', thresholds: { WARNING: '>= 20%', CRITICAL: '>= 60%' } },
  ],
  needs:
    'Leave for the agent to open ICMP sockets (Linux: as root, with `cap_net_raw`, or by `net.ipv4.ping_group_range`, which systemd and Docker commonly set), else `fping`, else `ping` on its machine. The fact `way` of a result says which of them it was.',
  grant:
    'sysctl -w net.ipv4.ping_group_range="0 2147483647"   # on the agent’s machine (Linux): it may then send pings itself\n# or the capability cap_net_raw for the agent, as deploy/farwatch.service gives it\n# or: apt-get install fping   # Debian’s package may send ICMP without being root',
  check({ count, interval, timeout }, path) {
    const longest = count * interval + timeout
    return longest <= 60_000
      ? []
      : [
          {
            path: `${path}.count`,
            message: `these packets take ${Math.round(longest / 1000)} s; at most 60 s are allowed`,
          },
        ]
  },
  async collect({ count, interval, timeout, size }, { client, signal }) {
    const seen = await client.ping({ count, intervalMs: interval, timeoutMs: timeout, size }, signal)
    const trips = seen.roundTrips
    const loss = seen.sent === 0 ? 100 : (100 * (seen.sent - trips.length)) / seen.sent
    if (trips.length === 0) {
      return {
        metrics: { loss },
        facts: { address: seen.address, way: seen.way },
        message: `none of ${seen.sent} packets was answered`,
      }
    }
    const steps = trips.slice(1).map((trip, i) => Math.abs(trip - trips[i]!))
    return {
      metrics: {
        loss,
        rtt_min: Math.min(...trips),
        rtt_avg: mean(trips),
        rtt_max: Math.max(...trips),
        ...(steps.length === 0 ? {} : { jitter: mean(steps) }),
      },
      facts: { address: seen.address, way: seen.way },
    }
  },
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

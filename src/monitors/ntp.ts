import { defineMonitor, type NtpSeen } from '../sdk/index.ts'

/** A time server, asked a few times: the answer that took the shortest way says the offset best. */
export default defineMonitor({
  id: 'ntp',
  title: 'Time server',
  summary:
    'Offset between a time server and the clock of the agent’s machine, its stratum, its leap second and how sure it is.',
  connector: 'ntp',
  settings: {
    questions: {
      kind: 'number',
      label: 'Questions',
      help: 'More make the offset more exact. Public servers want few.',
      integer: true,
      min: 1,
      max: 8,
      default: 3,
    },
  },
  metrics: {
    offset: { title: 'Clock of the server before that of the agent’s machine', unit: 's' },
    offset_size: { title: 'Difference of the two clocks', unit: 's' },
    round_trip: { title: 'Round trip of the best answer', unit: 'ms' },
    jitter: { title: 'Mean difference of the offsets from the best one', unit: 'ms' },
    stratum: { title: 'Steps from a reference clock', unit: '' },
    synchronised: { title: 'The server is set by a clock (1) or not (0)', unit: '' },
    leap_second: { title: 'A leap second is announced (1) or not (0)', unit: '' },
    root_delay: { title: 'Way to the reference clock and back', unit: 'ms' },
    root_dispersion: { title: 'How wrong the server may be, as it says itself', unit: 'ms' },
  },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  thresholdsFrom: 'Offset 0.5 and 5 s are our own judgement; SAP HANA wants its hosts within 5 s of each other.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' }, for: '3m' },
    { name: 'clocks differ', metric: 'offset_size', thresholds: { WARNING: '> 500ms', CRITICAL: '> 5s' }, for: '2m' },
    { name: 'server not synchronised', metric: 'synchronised', thresholds: { MAJOR: '== 0' } },
    { name: 'leap second announced', metric: 'leap_second', thresholds: { INFO: '> 0' } },
  ],
  needs: 'A server that lets this machine ask. Questions go out from a port of the agent’s machine that is not 123.',
  grant: '# /etc/chrony/chrony.conf of the server, with the address of the agent’s machine\nallow 10.0.0.7',
  tryIt: 'farwatch check ntp --set host=pool.ntp.org',
  async collect({ questions }, { client, signal }) {
    const answers: NtpSeen[] = []
    for (let i = 0; i < questions; i++) {
      try {
        answers.push(await client.ask(signal))
      } catch (thrown) {
        // A server that answers once and then bounds the rate has said enough.
        if (answers.length === 0) throw thrown
        break
      }
    }
    const best = answers.reduce((least, one) => (one.roundTrip < least.roundTrip ? one : least))
    const others = answers.filter((one) => one !== best)
    const isSet = best.leap !== 'unsynchronised' && best.stratum < 16
    return {
      metrics: {
        offset: best.offset,
        offset_size: Math.abs(best.offset),
        round_trip: best.roundTrip,
        ...(others.length === 0
          ? {}
          : {
              jitter:
                (1_000 * others.reduce((sum, one) => sum + Math.abs(one.offset - best.offset), 0)) / others.length,
            }),
        stratum: best.stratum,
        synchronised: isSet ? 1 : 0,
        leap_second: best.leap === 'insert' || best.leap === 'delete' ? 1 : 0,
        root_delay: best.rootDelay * 1_000,
        root_dispersion: best.rootDispersion * 1_000,
      },
      facts: { reference: best.reference, leap: best.leap },
    }
  },
})

import { compileRegex, defineMonitor } from '../sdk/index.ts'

/** Opens a TCP connection; says something and listens where that is wanted. Thresholds: a handshake of a second means lost packets, as the first repeat is sent after one. */
export default defineMonitor({
  id: 'tcp.port',
  title: 'TCP port',
  summary: 'Connects to a TCP port, may send a text and wait for an answer, and measures the time of each.',
  connector: 'tcp',
  settings: {
    send: {
      kind: 'text',
      label: 'Send',
      help: 'Sent after connecting; line breaks are sent as CR LF.',
      multiline: true,
      optional: true,
      example: 'QUIT',
    },
    expect: {
      kind: 'text',
      label: 'Expect',
      help: 'Regular expression (RE2) that must be found in what comes; the run fails where it is not. A banner such as ^220 or SSH-2.0.',
      optional: true,
      example: '^220 ',
    },
    maxBytes: { kind: 'size', label: 'Read at most', default: '4KiB', min: '1B', max: '1MiB' },
  },
  metrics: {
    duration: { title: 'TCP handshake', unit: 'ms' },
    dns: { title: 'Finding the address', unit: 'ms' },
    first_byte: { title: 'From the connection to the first byte', unit: 'ms' },
  },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  thresholdsFrom:
    'A handshake of a second means a lost packet, for the first repeat is sent after one second (RFC 6298).',
  tryIt: '`farwatch check tcp.port --set host=localhost --set port=1` raises “no connection”.',
  rules: [
    { name: 'no connection', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow handshake', metric: 'duration', thresholds: { WARNING: '> 1s', CRITICAL: '> 3s' }, for: '1m' },
  ],
  check({ expect }, path) {
    const compiled = expect === undefined ? undefined : compileRegex(expect, `${path}.expect`)
    return compiled !== undefined && 'message' in compiled ? [compiled] : []
  },
  async collect({ send, expect, maxBytes }, { client, signal }) {
    if (send === undefined && expect === undefined) {
      const seen = await client.connect(signal)
      return {
        metrics: { duration: seen.connect, ...(seen.dns === undefined ? {} : { dns: seen.dns }) },
        facts: { address: seen.address },
      }
    }
    const regex = expect === undefined ? undefined : compileRegex(expect)
    const met = (received: string) => regex === undefined || ('foundIn' in regex && regex.foundIn(received))
    const seen = await client.talk(
      {
        ...(send === undefined ? {} : { send: send.replace(/\r?\n/g, '\r\n') }),
        maxBytes,
        until: met,
      },
      signal,
    )
    return {
      metrics: {
        duration: seen.connect,
        ...(seen.dns === undefined ? {} : { dns: seen.dns }),
        ...(seen.firstByte === undefined ? {} : { first_byte: seen.firstByte }),
      },
      facts: { address: seen.address },
      ...(met(seen.received)
        ? {}
        : {
            failure: {
              reason: 'assertion' as const,
              message: `${client.target} did not send what is expected${seen.received === '' ? ': it sent nothing' : ''}`,
            },
          }),
    }
  },
})

import { freePort, run } from './processes.ts'
import { answering } from './udp.ts'

export interface NameServer {
  readonly host: '127.0.0.1'
  readonly port: number
  stop(): Promise<void>
}

/** Asks for `ready.example`, type A. */
const question = Buffer.from([
  0,
  1,
  1,
  0,
  0,
  1,
  0,
  0,
  0,
  0,
  0,
  0,
  5,
  ...Buffer.from('ready'),
  7,
  ...Buffer.from('example'),
  0,
  0,
  1,
  0,
  1,
])

/** A real dnsmasq on a free port that knows what it is told, in the words of its options, and says of the rest of `example` that it is not there. */
export async function startDnsmasq(knows: readonly string[]): Promise<NameServer> {
  const port = await freePort()
  // In the foreground and as whoever runs the tests, without any file or server of this machine's.
  const server = run('/usr/sbin/dnsmasq', [
    '--no-daemon',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--bind-interfaces',
    '--listen-address=127.0.0.1',
    `--port=${port}`,
    '--local=/example/',
    ...knows.map((one) => `--${one}`),
  ])
  try {
    await answering(port, question, server)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { host: '127.0.0.1', port, stop: () => server.stop() }
}

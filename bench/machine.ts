/** What a figure must be read against: the machine, and how fast it is at this moment. */
import { once } from 'node:events'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { connect } from 'node:net'
import { startNginx } from '../test/servers/nginx.ts'
import { median, type Figure } from './row.ts'

export function machineFacts(): string {
  const processors = cpus()
  const memory = (totalmem() / 1024 ** 3).toFixed(1)
  const load = loadavg()[0]?.toFixed(2)
  return [
    `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}`,
    `${memory} GiB`,
    `${process.platform} ${release()}`,
    `node ${process.versions.node}`,
    `load ${load}`,
    new Date().toISOString(),
  ].join(', ')
}

/** A fixed piece of work for one core: 2^28 steps of a xorshift. */
function loopMs(): number {
  const before = process.cpuUsage()
  let x = 1
  for (let i = 0; i < 2 ** 28; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
  }
  const spent = process.cpuUsage(before)
  // Never true of a xorshift; the loop must have a use.
  if (x === 0) throw new Error('the calibration loop is broken')
  return (spent.user + spent.system) / 1_000
}

/** One request on a connection of its own, by hand: what an HTTP check cannot be cheaper than in this runtime. */
async function rawRequest(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  let status = ''
  socket.on('data', (chunk: Buffer) => {
    if (status === '') status = chunk.toString('latin1', 0, 12)
  })
  socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  if (status !== 'HTTP/1.1 200') throw new Error(`the server answered ${status}`)
}

async function rawClientUs(port: number, requests: number): Promise<number> {
  const before = process.cpuUsage()
  let left = requests
  const client = async () => {
    while (left-- > 0) await rawRequest(port)
  }
  await Promise.all(Array.from({ length: 16 }, client))
  const spent = process.cpuUsage(before)
  return (spent.user + spent.system) / requests
}

/** About five seconds. */
export async function calibrate(): Promise<readonly Figure[]> {
  const nginx = await startNginx()
  try {
    // The first ones compile.
    await rawClientUs(nginx.port, 1_000)
    const clients: number[] = []
    for (let i = 0; i < 5; i++) clients.push(await rawClientUs(nginx.port, 2_000))
    return [
      { name: 'calibration: fixed loop, CPU', value: median([loopMs(), loopMs(), loopMs()]), unit: 'ms' },
      { name: 'calibration: raw socket HTTP request, CPU', value: median(clients), unit: 'us' },
    ]
  } finally {
    await nginx.stop()
  }
}

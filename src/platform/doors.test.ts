import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type ListenOptions, type Server } from 'node:net'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { listenWithDoors } from './doors.ts'

const host = '127.0.0.1'

function echo() {
  const server: Server = createServer((socket) => socket.pipe(socket))
  const listen = async (options: ListenOptions) => {
    server.listen(options)
    await once(server, 'listening')
  }
  return {
    server,
    open: (port: number) => listenWithDoors(server, { host, port }, listen),
    close: () => promisify(server.close.bind(server))(),
  }
}

async function said(port: number): Promise<string> {
  const socket = connect(port, host)
  socket.end('hello')
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return String(data)
}

test('whichever socket a connection comes in by, the server has it', async () => {
  const { server, open, close } = echo()
  const doors = await open(0)
  const { port } = server.address() as AddressInfo
  const answers = await Promise.all(Array.from({ length: 64 }, () => said(port)))
  await doors.close()
  await close()
  const refused = await said(port).catch((thrown: NodeJS.ErrnoException) => thrown.code)
  expect([new Set(answers), answers.length, refused]).toEqual([new Set(['hello']), 64, 'ECONNREFUSED'])
})

test.runIf(process.platform === 'linux')(
  'a port is still one instance’s: taken by another one, or by another program, it is refused, and free again afterwards',
  async () => {
    const first = echo()
    const second = echo()
    const third = echo()
    const other = createServer().listen(0, host)
    await once(other, 'listening')
    const codeOf = (thrown: NodeJS.ErrnoException) => thrown.code
    const taken = await second.open((other.address() as AddressInfo).port).catch(codeOf)
    const free = (other.address() as AddressInfo).port
    await promisify(other.close.bind(other))()
    const doors = await first.open(free)
    // At the same moment as another one that is just starting, too.
    const both = await Promise.all([second.open(free).catch(codeOf), third.open(free).catch(codeOf)])
    await doors.close()
    await first.close()
    const again = echo()
    const anew = await again.open(free)
    const answer = await said(free)
    await anew.close()
    await again.close()
    expect([taken, both, answer]).toEqual(['EADDRINUSE', ['EADDRINUSE', 'EADDRINUSE'], 'hello'])
  },
)

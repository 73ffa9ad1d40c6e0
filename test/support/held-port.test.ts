import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { holdPort } from './held-port.ts'

test('a port that is held is refused to who connects, given to nobody, and there for who asks for it', async () => {
  const first = createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const { port } = first.address() as AddressInfo
  await new Promise((resolve) => first.close(resolve))
  const release = await holdPort('127.0.0.1', port)
  const [refused] = (await once(connect({ host: '127.0.0.1', port }), 'error').catch((thrown: unknown) => [
    thrown,
  ])) as [NodeJS.ErrnoException]
  const again = createServer((socket) => void socket.end()).listen(port, '127.0.0.1')
  await once(again, 'listening')
  release()
  const reached = connect({ host: '127.0.0.1', port })
  await once(reached, 'connect')
  reached.destroy()
  await new Promise((resolve) => again.close(resolve))
  expect(refused.code).toBe('ECONNREFUSED')
})

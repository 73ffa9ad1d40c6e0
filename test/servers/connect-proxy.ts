import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ConnectProxy extends AsyncDisposable {
  readonly port: number
  /** Every tunnel that was asked for: `localhost:8443 200`, or 407 where user and password were missing or wrong. */
  readonly tunnels: readonly string[]
}

/** An HTTP proxy as companies have one: leads to anywhere with CONNECT, and only for who names the right user and password where there are such. */
export async function startConnectProxy(user?: { name: string; password: string }): Promise<ConnectProxy> {
  const wanted =
    user === undefined ? undefined : `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`
  const tunnels: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((_, response) => response.writeHead(405).end())
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  server.on('connect', ({ url = '', headers }, near: Socket, head: Buffer) => {
    if (wanted !== undefined && headers['proxy-authorization'] !== wanted) {
      tunnels.push(`${url} 407`)
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="proxy"\r\n\r\n')
      return
    }
    const { hostname, port } = new URL(`http://${url}`)
    const far = connect({ host: hostname, port: Number(port) }, () => {
      tunnels.push(`${url} 200`)
      near.write('HTTP/1.1 200 Connection established\r\n\r\n')
      far.write(head)
      near.pipe(far).pipe(near)
    })
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    tunnels,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

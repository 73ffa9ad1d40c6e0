import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/**
 * Keeps a port for who listened there and will again: until that is released, nobody who asks the system for any port is given it. Whoever connects is
 * refused, as nobody listens, and who asks for this very port may listen at once.
 *
 * The system gives no port away that a connection begins at, but lets others listen there that say they may share it, as Node's servers do.
 * @returns what releases it; where nothing of it can be kept, as in a network that is not this one, that does nothing
 */
export async function holdPort(host: string, port: number): Promise<() => void> {
  const server = createServer(
    (socket) =>
      void socket
        .on('error', () => undefined)
        .resume()
        .unref(),
  ).listen(0, host)
  try {
    await once(server, 'listening')
    const other = (server.address() as AddressInfo).port
    const socket = connect({ host, port: other, localAddress: host, localPort: port })
    socket.on('error', () => undefined).unref()
    await once(socket, 'connect')
    // No more are taken; the one that is there stays.
    server.close()
    return () => void socket.destroy()
  } catch {
    server.close()
    return () => undefined
  }
}

import { createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net'
import { promisify } from 'node:util'

/** The one that the server has itself, and these. */
const moreDoors = 15

/** Only there several sockets may listen on one port in the way that is wanted here, and a name can be taken that ends with the process. */
const hasDoors = process.platform === 'linux'

export interface Doors {
  /** Nobody else comes in; who is in already stays. Resolves when it is so. */
  close(): Promise<void>
}

/**
 * Listens on a port with several sockets. The runtime accepts one connection from each in a turn of the event loop (libuv 1.52,
 * `uv__server_io`), so that a busy server with turns of a quarter of a second lets in four a second from one socket: after its restart under a
 * thousand agents most gave up before they were connected, came again, and half of them were not back after two minutes.
 *
 * Several sockets share a port by SO_REUSEPORT, which two instances of one user could then do as well, each taking half of what comes. So the
 * port is asked for without it first, and a name is held that only one process of the machine can have.
 *
 * @param listen makes `server` listen @throws what `listen` does, `EADDRINUSE` as well where another instance has the port
 */
export async function listenWithDoors(
  server: Server,
  where: { readonly host: string; readonly port: number },
  listen: (options: { readonly host: string; readonly port: number; readonly reusePort?: boolean }) => Promise<unknown>,
): Promise<Doors> {
  if (!hasDoors) {
    await listen(where)
    return { close: async () => undefined }
  }
  const opened: Server[] = []
  const open = async (door: Server, options: ListenOptions) => {
    await listening(door, options)
    opened.push(door)
  }
  const close = async () => {
    // It listens no more from here on; to wait for its end would be to wait for everybody who came in by it.
    for (const door of opened.splice(0)) door.close()
  }
  try {
    if (where.port !== 0) {
      await open(createServer(), { path: `\0farwatch ${where.host} ${where.port}` })
      const probe = createServer()
      await listening(probe, where)
      await promisify(probe.close.bind(probe))()
    }
    await listen({ ...where, reusePort: true })
    // It listens on a port, so its address is one.
    const { address, port } = server.address() as AddressInfo
    for (let i = 0; i < moreDoors; i++)
      await open(
        // As servers of HTTP make theirs.
        createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit('connection', socket)),
        { host: address, port, reusePort: true },
      )
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { close }
}

function listening(door: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen(options, () => {
      door.off('error', reject)
      resolve()
    })
  })
}

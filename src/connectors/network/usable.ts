import type { Socket } from 'node:net'
import type { TargetError } from '../../sdk/index.ts'

/** Waits for the event that says a socket is usable; destroys it where the signal or an error comes first. */
export function usable<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  failures: {
    readonly late: () => TargetError
    readonly closed: () => TargetError
    readonly of: (e: Error) => TargetError
  },
): Promise<S> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', late)
      socket.removeListener('error', failed)
      socket.removeListener('close', closed)
      socket.removeListener(event, ready)
      act()
    }
    const fail = (failure: TargetError) =>
      settle(() => {
        // What comes after the end has been told is nobody's news.
        socket.on('error', () => undefined)
        socket.destroy()
        reject(failure)
      })
    const late = () => fail(failures.late())
    const failed = (error: Error) => fail(failures.of(error))
    const closed = () => fail(failures.closed())
    const ready = () => settle(() => resolve(socket))
    signal.addEventListener('abort', late, { once: true })
    socket.once('error', failed)
    socket.once('close', closed)
    socket.once(event, ready)
  })
}

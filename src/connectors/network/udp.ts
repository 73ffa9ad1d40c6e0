import { createSocket, type Socket } from 'node:dgram'
import { findAddresses } from '../../platform/index.ts'
import { outOfTime, targetFailure } from './failures.ts'
import { hostPort } from './target.ts'

/**
 * A UDP socket that talks to one address only: the system then hands on that a port is closed, and answers of anybody else are not taken.
 * Whoever asked for it listens to its errors and closes it. @throws TargetError
 */
export function openUdp(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const target = hostPort(host, port)
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(target, 'was not asked'))
    const stop = () => reject(outOfTime(target, 'could not be looked up'))
    signal.addEventListener('abort', stop, { once: true })
    findAddresses(host, (error, found) => {
      signal.removeEventListener('abort', stop)
      if (signal.aborted) return
      const first = found[0]
      if (error !== null || first === undefined) return reject(targetFailure(error ?? { code: 'ENOTFOUND' }, target))
      const socket = createSocket(first.family === 6 ? 'udp6' : 'udp4')
      const fail = (thrown: Error) => {
        socket.close()
        reject(targetFailure(thrown, target))
      }
      socket.once('error', fail)
      socket.connect(port, first.address, () => {
        socket.removeListener('error', fail)
        resolve(socket)
      })
    })
  })
}

/** Sends one packet, made at the moment of sending, and waits for the first answer that `read` finds sense in. @throws TargetError, and what `read` throws */
export async function askUdp<T>(
  place: { readonly host: string; readonly port: number },
  packet: () => Uint8Array,
  read: (answer: Buffer) => T | undefined,
  signal: AbortSignal,
): Promise<T> {
  const target = hostPort(place.host, place.port)
  const socket = await openUdp(place, signal)
  return new Promise<T>((resolve, reject) => {
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      socket.removeAllListeners()
      socket.close()
      act()
    }
    const stop = () => settle(() => reject(outOfTime(target, 'sent no answer')))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    socket.on('error', (error) => settle(() => reject(targetFailure(error, target))))
    socket.on('message', (answer) => {
      let seen: T | undefined
      try {
        seen = read(answer)
      } catch (thrown) {
        // What is wrong with an answer is the caller's to say.
        return settle(() => reject(thrown as Error))
      }
      if (seen !== undefined) settle(() => resolve(seen))
    })
    socket.send(packet(), (error) => {
      if (error !== null) settle(() => reject(targetFailure(error, target)))
    })
  })
}

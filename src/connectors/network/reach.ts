import { connect } from 'node:net'
import { outOfTime, targetFailure } from './failures.ts'
import { lookup } from '../../platform/index.ts'
import { hostPort } from './target.ts'

const patienceMs = 5_000

/** The signal of whoever asks, and the time that a way to a target may take to show. */
export function withinReach(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
}

/** Resolves when a port accepts a connection; it is closed at once, and nothing is sent. @throws TargetError where it cannot be reached */
export function reachPort(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<void> {
  const target = hostPort(host, port)
  const either = withinReach(signal)
  return new Promise((resolve, reject) => {
    if (either.aborted) return reject(outOfTime(target, 'was not asked'))
    const socket = connect({ host, port, lookup })
    const settle = (act: () => void) => {
      either.removeEventListener('abort', stop)
      socket.destroy()
      act()
    }
    const stop = () => settle(() => reject(outOfTime(target, 'did not accept the connection')))
    either.addEventListener('abort', stop, { once: true })
    socket.once('connect', () => settle(resolve))
    socket.once('error', (error) => settle(() => reject(targetFailure(error, target))))
  })
}

import { TargetError, type DiscoveryPlace } from '../../sdk/index.ts'
import { firstWords } from './first-words.ts'

/**
 * `firstWords` for protocols whose port speaks either TLS or not, and does not say which: first without it, then with it. Undefined where
 * neither answer is one of the protocol's.
 * @throws TargetError where the port refuses the connection, or the signal aborts
 */
export async function eitherWords(
  place: DiscoveryPlace,
  { send, isIt }: { readonly send: string | Uint8Array; readonly isIt: (said: Buffer) => boolean },
  signal: AbortSignal,
): Promise<{ readonly said: Buffer; readonly tls: boolean } | undefined> {
  const words = { send, until: isIt, quietMs: 700 }
  const plain = await firstWords(place, words, signal).catch(brokenOff)
  if (isIt(plain)) return { said: plain, tls: false }
  const secured = await firstWords(place, { ...words, tls: true }, signal).catch(brokenOff)
  return isIt(secured) ? { said: secured, tls: true } : undefined
}

/** Who breaks off has heard words of another kind; who cannot be reached at all is somebody else's to report. */
function brokenOff(thrown: unknown): Buffer {
  if (thrown instanceof TargetError && (thrown.reason === 'protocol' || thrown.reason === 'tls')) return Buffer.alloc(0)
  throw thrown
}

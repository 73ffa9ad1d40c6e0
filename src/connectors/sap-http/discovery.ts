import { TargetError, type Discovery, type Proposal } from '../../sdk/index.ts'
import { httpBeginning } from '../network/first-words.ts'

const numbers = Array.from({ length: 100 }, (_, nn) => nn)
const securePort = (nn: number) => 44_300 + nn
const plainPort = (nn: number) => 8_000 + nn

/** ICMs and Web Dispatchers by the ports that their number gives them; they say what they are in the name of the server. */
export const sapHttpDiscovery: Discovery = {
  at: { tcp: numbers.flatMap((nn) => [plainPort(nn), securePort(nn)]) },
  async identify(place, signal) {
    const tls = place.port >= securePort(0)
    const instance = place.port - (tls ? securePort(0) : plainPort(0))
    let said: Awaited<ReturnType<typeof httpBeginning>>
    try {
      said = await httpBeginning(place, { path: '/sap/public/info', tls }, signal)
    } catch (thrown) {
      if (!(thrown instanceof TargetError) || signal.aborted) throw thrown
      return []
    }
    const server = said?.headers['server'] ?? ''
    const sid = /RFCSYSID>([A-Z0-9]{3})\s*</.exec(said?.body ?? '')?.[1]
    if (sid === undefined && !/^SAP\b/i.test(server)) return []
    const proposal: Proposal = {
      name: `sap-http-${String(instance).padStart(2, '0')}`,
      title: `SAP over HTTP${sid === undefined ? '' : `, system ${sid}`}, port ${place.port}`,
      settings: {
        host: place.host,
        ...(instance === 0 ? {} : { instance }),
        ...(tls ? {} : { tls: 'off' }),
      },
      seen:
        sid === undefined
          ? `port ${place.port} answered as ${server.slice(0, 80)}`
          : `port ${place.port} named the system ${sid} under /sap/public/info`,
      certainty: 'identified',
      ...(sid === undefined ? {} : { system: sid }),
    }
    return [proposal]
  },
}

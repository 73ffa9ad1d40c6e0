import { TargetError, type Discovery, type DiscoveryPlace } from '../../sdk/index.ts'
import { firstWords } from '../network/first-words.ts'

/** With what a client asks for the protocol, as hdb does; the reply is eight bytes: the versions of the product and of the protocol. */
const initialization = Buffer.from([0xff, 0xff, 0xff, 0xff, 4, 20, 0, 4, 1, 0, 0, 1, 1, 1])

const instances = Array.from({ length: 100 }, (_, nn) => 30_000 + 100 * nn)

/** The SYSTEMDB by its instance's number, the first tenant (or the only database of older systems), and the next two tenants. */
export const hanaDiscovery: Discovery = {
  at: { tcp: instances.flatMap((first) => [first + 13, first + 15, first + 41, first + 44]) },
  async identify(place, signal) {
    if (!isHana(await firstWords(place, words, signal)) && !(await speaksBehindTls(place, signal))) return []
    const { host, port } = place
    const instance = String(Math.floor((port - 30_000) / 100)).padStart(2, '0')
    const isSystem = port % 100 === 13
    return [
      {
        name: isSystem ? `hana-${instance}` : `hana-${instance}-${port}`,
        title: `SAP HANA ${instance}, ${isSystem ? 'SYSTEMDB' : 'a tenant'}, port ${port}`,
        settings: isSystem ? { host, instance: Number(instance) } : { host, port },
        seen: `port ${port} answered in the words of HANA`,
        certainty: 'identified',
        credential: 'basic',
      },
    ]
  },
}

const words = { send: initialization, until: (received: Buffer) => received.length >= 8 }

/** Where HANA is told to take nothing but TLS. */
async function speaksBehindTls(place: DiscoveryPlace, signal: AbortSignal): Promise<boolean> {
  try {
    return isHana(await firstWords(place, { ...words, tls: true }, signal))
  } catch (thrown) {
    if (thrown instanceof TargetError && thrown.reason === 'tls') return false
    throw thrown
  }
}

function isHana(reply: Buffer): boolean {
  const isVersion = (major: number | undefined) => major !== undefined && major >= 1 && major <= 9
  return reply.length === 8 && isVersion(reply[0]) && isVersion(reply[3])
}

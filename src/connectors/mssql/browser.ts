import { TargetError } from '../../sdk/index.ts'
import { hostPort } from '../network/target.ts'
import { askUdp } from '../network/udp.ts'

/**
 * The SQL Server Browser of a machine, which knows the instances there by name and where each listens (the protocol's reference: MS-SQLR). It
 * wants no sign-in. What it says is hearsay: whoever connects sees for himself.
 */

export const browserPort = 1434

export interface Instance {
  readonly name: string
  /** Undefined where it takes no TCP. */
  readonly port: number | undefined
  readonly version: string | undefined
}

const mostInstances = 100
const askAll = Buffer.from([0x03])

/** All instances of the machine. @throws TargetError where no browser answers */
export function instancesAt(
  place: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<readonly Instance[]> {
  return askUdp(place, () => askAll, instancesIn, signal)
}

/** The port of one instance, by its name. @throws TargetError `configuration` where the browser knows none of that name, or none that takes TCP */
export async function portOf(
  place: { readonly host: string; readonly port: number },
  name: string,
  signal: AbortSignal,
): Promise<number> {
  // About one it does not know a browser says nothing at all, so that only the whole list tells that from a browser that is not there.
  const instances = await instancesAt(place, signal)
  const found = instances.find((one) => one.name.toUpperCase() === name.toUpperCase())
  if (found?.port !== undefined) return found.port
  const others = instances.map((one) => one.name).join(', ')
  const what = found === undefined ? `knows no instance ${name}` : `says that the instance ${name} takes no TCP`
  throw new TargetError(
    'configuration',
    `the SQL Server Browser at ${hostPort(place.host, place.port)} ${what}${found === undefined && others !== '' ? `; it knows ${others.slice(0, 300)}` : ''}`,
  )
}

/** What a browser answers: `ServerName;DB1;InstanceName;SHOP;IsClustered;No;Version;16.0.1000.6;tcp;50123;;`, one after the other. */
export function instancesIn(answer: Buffer): readonly Instance[] | undefined {
  if (answer.length < 3 || answer[0] !== 0x05 || answer.readUInt16LE(1) !== answer.length - 3) return undefined
  return answer
    .subarray(3)
    .toString('latin1')
    .split(';;')
    .slice(0, mostInstances)
    .flatMap((text) => {
      const words = text.split(';')
      const of = (key: string) => {
        const at = words.findIndex((word, i) => i % 2 === 0 && word.toLowerCase() === key)
        return at < 0 ? undefined : words[at + 1]
      }
      const name = of('instancename')
      const port = Number(of('tcp') ?? Number.NaN)
      if (name === undefined || !isInstanceName.test(name)) return []
      return [
        {
          name,
          port: Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined,
          version: /^[0-9.]{1,40}$/.exec(of('version') ?? '')?.[0],
        },
      ]
    })
}

/** As SQL Server lets instances be named. */
export const instanceName = '[A-Za-z_#&][A-Za-z0-9_#&$]{0,15}'
const isInstanceName = new RegExp(`^${instanceName}$`)

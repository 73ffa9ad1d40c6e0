import { connectors } from '../../src/connectors/index.ts'
import { monitors } from '../../src/monitors/index.ts'
import { checkDeclared, TargetError, type Gathered, type OpenCredential } from '../../src/sdk/index.ts'
import { collectOnce } from '../../src/sdk/testing.ts'

export type Seen =
  | { readonly gathered: Gathered<string>; readonly failed?: undefined; readonly kept: unknown }
  | { readonly gathered?: undefined; readonly failed: string; readonly kept?: undefined }

/** Runs a monitor of the library once over a real connector, as the runner does, with settings as a user writes them. */
export async function runMonitor(
  id: string,
  connectorSettings: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>> = {},
  about: {
    connector?: string
    credential?: OpenCredential
    previous?: unknown
    timeoutMs?: number
    /** Ends the run, in the place of its time. */
    signal?: AbortSignal
  } = {},
): Promise<Seen> {
  const monitor = theOne(monitors, id)
  const connector = theOne(connectors, about.connector ?? monitor.connectors[0]!)
  const checked = checkDeclared(connector, connectorSettings, 'connector')
  if (!checked.ok) throw new Error(checked.problems.map((one) => `${one.path} ${one.message}`).join('; '))
  const client = connector.open(checked.value, about.credential)
  let kept: unknown
  try {
    const gathered = await collectOnce(monitor, settings, {
      client,
      // Most runs take milliseconds, but not on a machine that has much else to do.
      signal: about.signal ?? AbortSignal.timeout(about.timeoutMs ?? 60_000),
      now: () => Date.now(),
      previous: about.previous,
      remember: (value) => (kept = JSON.parse(JSON.stringify(value))),
    })
    return { gathered, kept }
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown
    return { failed: `${thrown.reason}: ${thrown.message}` }
  } finally {
    await client.close?.()
  }
}

/** What a run measured; fails where it could not. */
export async function measured(...run: Parameters<typeof runMonitor>): Promise<Gathered<string>> {
  const seen = await runMonitor(...run)
  if (seen.gathered === undefined) throw new Error(seen.failed)
  return seen.gathered
}

export function theOne<T extends { readonly id: string }>(list: readonly T[], id: string): T {
  const found = list.find((one) => one.id === id)
  if (found === undefined) throw new Error(`there is no ${id}`)
  return found
}

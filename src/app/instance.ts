import { FarwatchError } from '../base/index.ts'
import { defaultDocument, followOwnUrl, localAgent } from '../inventory/index.ts'
import { machineFacts, type Settings } from '../platform/index.ts'
import { startAgentRole } from './agent-role.ts'
import { openFront } from './front.ts'
import { Lifecycle } from './lifecycle.ts'
import { leaveLocalAccess, removeLocalAccess } from './local-access.ts'
import { LocalLink } from './local-link.ts'
import { openMachine, type Machine, type StartOptions } from './machine.ts'
import { startServerRole } from './server-role.ts'

export interface RunningInstance {
  readonly url: string
  readonly uuid: string
  readonly role: Settings['role']
  /** Ends everything in the order in which it depends on each other. Bounded; may be called twice. */
  stop(): Promise<void>
}

/**
 * Starts an instance: resolves when it serves.
 *
 * The machine, then the server's side, the agent's, and the front; each is one straight line in a file of its own, and what is handed
 * to whom stands there. Everything that was opened is closed backwards by the lifecycle, also where a later step fails.
 * @throws FarwatchError `data-directory-in-use`, `data-directory-newer`, `invalid-setting`, `address-in-use`, …
 */
export async function startInstance(options: StartOptions): Promise<RunningInstance> {
  const lifecycle = new Lifecycle()
  try {
    const machine = await openMachine(options, lifecycle)
    const { identity, log, settings } = machine
    refuseUnsupported(settings.values)
    const address = { url: '' }
    const server = await startServerRole(machine, () => address.url)
    lifecycle.onStop('server role', () => server.stop())

    // The agent, by the same two calls that one elsewhere would make.
    const link = new LocalLink({
      assignment: () => server.assignment(localAgent),
      upload: (batch) => server.upload(batch),
    })
    server.onAssignmentChange(() => link.changed())
    const agent = await startAgentRole(machine, link)
    lifecycle.onStop('agent role', () => agent.stop())
    agent.agent.on((event) => {
      if (event.event === 'spool unwritable') server.health.stored('spool', event.message)
      if (event.event === 'spool writable') server.health.stored('spool', undefined)
    })

    address.url = await openFront(machine, { server, agent }, lifecycle)
    await watchItself(machine, address.url)
    await leaveWayIn(machine, address.url, lifecycle)
    server.health.look()
    log.info('instance started', {
      uuid: identity.uuid,
      version: options.version,
      url: address.url,
      tasks: machine.inventory.tasks().length,
      tookMs: Math.round(machine.upMs()),
    })
    // Last, so that it is not lost among the lines of the log.
    if (machine.access.setupNeeded())
      showSetupLink(options.output, `${address.url}/setup?token=${await machine.access.makeSetupToken()}`)
    return {
      url: address.url,
      uuid: identity.uuid,
      role: settings.values.role,
      stop: async () => {
        log.info('instance stopping')
        await lifecycle.stop()
      },
    }
  } catch (thrown) {
    await lifecycle.stop()
    throw thrown
  }
}

function refuseUnsupported({ role }: Settings): void {
  if (role === 'standalone') return
  throw new FarwatchError('not-supported', `the role ${role} is not possible in this version`, {
    hint: 'Start without --role: server and agent in one.',
  })
}

/** The very first start has something to see, and a real way for an alarm; later ones follow the instance to where it is reached now. */
async function watchItself({ inventory }: Machine, ownUrl: string): Promise<void> {
  if (inventory.revision() > 0) return followOwnUrl(inventory, ownUrl)
  await inventory.apply(defaultDocument({ hostname: machineFacts().hostname, ownUrl }), {
    author: 'farwatch',
    comment: 'what is watched out of the box',
  })
}

/** Somebody to sign in, and the command line of this machine. */
async function leaveWayIn(machine: Machine, url: string, lifecycle: Lifecycle): Promise<void> {
  const { access, adminPassword, directory, keystore, localToken, notApplied } = machine
  if (access.setupNeeded() && adminPassword !== '') await access.ensureAdministrator('admin', adminPassword)
  const leave = () => leaveLocalAccess(directory, { url, token: localToken, fingerprint: keystore.own().fingerprint })
  await leave()
  lifecycle.onStop('local access', () => removeLocalAccess(directory))
  // The command line knows this instance by its certificate.
  const endFollowing = keystore.onChange(() => void leave().catch(notApplied('certificate of the local access')))
  lifecycle.onStop('certificate of the local access', endFollowing)
}

/** Past the log on purpose: who has the link becomes administrator, and log files are kept and copied. */
function showSetupLink(output: StartOptions['output'], url: string): void {
  output.write(
    output.isTTY === true
      ? `\n  Open this link once to set up the first administrator:\n\n    ${url}\n\n`
      : `${JSON.stringify({ level: 'info', event: 'set-up link', url })}\n`,
  )
}

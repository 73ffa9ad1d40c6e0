import { defaultDocument, followOwnUrl } from '../inventory/index.ts'
import { machineFacts, type Settings } from '../platform/index.ts'
import { openFront } from './front.ts'
import { library } from './library.ts'
import { Lifecycle } from './lifecycle.ts'
import { leaveLocalAccess, removeLocalAccess } from './local-access.ts'
import { openMachine, type Machine, type StartOptions } from './machine.ts'
import { Roles } from './roles.ts'

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
 * The machine, then the roles (roles.ts), and the front; each is one straight line in a file of its own, and what is handed to whom stands
 * there. Everything that was opened is closed backwards by the lifecycle, also where a later step fails.
 * @throws FarwatchError `data-directory-in-use`, `data-directory-newer`, `invalid-setting`, `address-in-use`, …
 */
export async function startInstance(options: StartOptions): Promise<RunningInstance> {
  const lifecycle = new Lifecycle()
  try {
    const machine = await openMachine(options, lifecycle)
    const { identity, log, settings } = machine
    const address = { url: '' }
    const roles = new Roles(machine, () => address.url)
    lifecycle.onStop('roles', () => roles.stop())
    await roles.become(settings.values.role)
    lifecycle.onStop(
      'following of the role',
      settings.onChange((changed, { role }) => {
        if (changed.includes('role'))
          roles
            .become(role)
            .then(() => watchItself(machine, roles, address.url))
            .catch(machine.notApplied('role'))
      }),
    )

    address.url = await openFront(machine, roles, lifecycle)
    await watchItself(machine, roles, address.url)
    await leaveWayIn(machine, roles, address.url, lifecycle)
    // Not before there is somebody to sign in: what a standby has is written by the other server.
    await roles.takeGiven()
    roles.running.server?.health.look()
    log.info('instance started', {
      uuid: identity.uuid,
      version: options.version,
      url: address.url,
      tasks: machine.inventory.tasks().length,
      tookMs: Math.round(machine.upMs()),
    })
    // Last, so that it is not lost among the lines of the log.
    if (machine.access.setupNeeded() && mayWrite(roles))
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

/**
 * The very first start of a standalone instance has something to see, and a real way for an alarm; later ones follow the instance to where it
 * is reached now. A server alone runs nothing: what it was given to watch out of the box would be uncovered from its first moment.
 */
async function watchItself({ inventory }: Machine, { running }: Roles, ownUrl: string): Promise<void> {
  if (running.server?.acts !== true || running.agent === undefined) return
  if (inventory.revision() > 0) return followOwnUrl(inventory, ownUrl)
  await inventory.apply(defaultDocument({ hostname: machineFacts().hostname, ownUrl, library }), {
    author: 'farwatch',
    comment: 'what is watched out of the box',
  })
}

/** Users of a server that does not act are those of the other one. */
function mayWrite({ running }: Roles): boolean {
  return running.server?.acts !== false
}

/** Somebody to sign in, and the command line of this machine. */
async function leaveWayIn(machine: Machine, roles: Roles, url: string, lifecycle: Lifecycle): Promise<void> {
  const { access, adminPassword, directory, keystore, localToken, notApplied } = machine
  if (access.setupNeeded() && adminPassword !== '' && mayWrite(roles))
    await access.ensureAdministrator('admin', adminPassword)
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

import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { makeServer, type Handlers } from '../api/index.ts'
import { FarwatchError, systemCodeOf } from '../base/index.ts'
import { listenWithDoors, residentBytes, type Doors, type Settings } from '../platform/index.ts'
import { agentMetrics } from './agent-metrics.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Machine } from './machine.ts'
import { roleHandlers } from './role-handlers.ts'
import type { Roles, RunningRoles } from './roles.ts'
import { selfMetrics } from './self-metrics.ts'

/**
 * Opens the HTTPS side of an instance: API, portal, health, and the server's half of the link. It stays open while roles change.
 * @returns where it is reached from this machine @throws FarwatchError `address-in-use`, `invalid-setting`
 */
export async function openFront(machine: Machine, roles: Roles, lifecycle: Lifecycle): Promise<string> {
  const { version, settings, log, keystore, access, startedAt, upMs } = machine
  let url = ''
  // Looking every 10 ms took 1.5 % of a core, all of what an instance that has nothing to do used but a quarter.
  const loopResolutionMs = 100
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  loop.enable()
  lifecycle.onStop('event loop meter', () => void loop.disable())
  // It measures by a timer of its own, whose interval is part of every reading.
  const loopP99Ms = () => Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs)
  const rolesNow = () => ({ server: settings.values.role !== 'agent', agent: settings.values.role !== 'server' })
  const describe = () => ({
    uuid: machine.identity.uuid,
    name: settings.values.name || machine.facts.hostname,
    version,
    roles: rolesNow(),
    servers: [...settings.values.servers],
    fingerprint: machine.identity.fingerprint,
    startedAt: new Date(startedAt).toISOString(),
    portalUrl: url,
  })
  let handlers: { readonly of: RunningRoles; readonly all: Partial<Handlers> } | undefined
  const app = await makeServer({
    version,
    access,
    roles: rolesNow,
    handlers: () => {
      const { running } = roles
      if (handlers?.of !== running)
        handlers = { of: running, all: roleHandlers(machine, roles, running, { describe, loopP99Ms }) }
      return handlers.all
    },
    link: () => roles.running.server?.fleet.link,
    pairMessages: () => roles.running.server?.pair.answering,
    pair: () => roles.running.server?.failover.now(),
    fresh: () => roles.fresh(),
    tls: keystore.tlsMaterial(),
    portal: builtPortal(),
    notReady: () => whyNotReady(roles.running),
    metrics: async () => {
      const { server, agent } = roles.running
      return selfMetrics({
        version,
        uuid: machine.identity.uuid,
        upMs: upMs(),
        loopP99Ms: loopP99Ms(),
        rssBytes: residentBytes(),
        server:
          server === undefined
            ? undefined
            : {
                tasks: machine.inventory.tasks().length,
                history: await server.history.facts(),
                plugins: await server.delivery.status(),
                alarms: server.alarms.counts(),
                monitors: server.monitorCounts.facts(),
                agents: agentMetrics(server.fleet, machine.clock.now()),
              },
        agent: agent === undefined ? undefined : { status: agent.agent.status(), counts: agent.counts },
      })
    },
    metricsPublic: () => settings.values.metricsPublic,
    stream: (request, reply, caller) => {
      const { server } = roles.running
      if (server === undefined)
        throw new FarwatchError('not-in-this-role', 'an instance that is an agent only has no events to tell')
      server.live.stream(request, reply, caller)
    },
    log,
  })
  lifecycle.onStop('server', () => app.close())
  const endFollowing = keystore.onChange(() => {
    const { key, cert } = keystore.tlsMaterial()
    secureServer(app).setSecureContext({ key, cert })
    roles.running.server?.health.look()
  })
  lifecycle.onStop('certificate of the server', endFollowing)
  const open = await listen(app, settings.values)
  lifecycle.onStop('doors of the server', () => open.doors.close())
  url = open.url
  return url
}

/** An agent does its role as long as it has work, whether or not its server is there. */
function whyNotReady({ server, agent }: RunningRoles): string | undefined {
  if (server !== undefined) return server.health.unwritable
  if (agent?.remote === undefined) return 'the role of this instance is being changed'
  const { is, message } = agent.remote.state()
  return is === 'connected' || agent.agent.status().tasks > 0 ? undefined : message
}

function builtPortal(): string | undefined {
  const directory = fileURLToPath(new URL('../../web/dist', import.meta.url))
  return existsSync(directory) ? directory : undefined
}

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<{ url: string; doors: Doors }> {
  let doors: Doors
  try {
    doors = await listenWithDoors(app.server, { host, port }, (options) => app.listen(options))
  } catch (thrown) {
    const code = systemCodeOf(thrown)
    if (code === 'EADDRINUSE')
      throw new FarwatchError('address-in-use', `${host}:${port} is taken by another program`, {
        hint: 'Choose another with --port, or stop that program.',
        cause: thrown,
      })
    if (code === 'EACCES')
      throw new FarwatchError('address-in-use', `port ${port} may not be used by this user`, {
        hint: 'Ports below 1024 need a privilege; choose another with --port.',
        cause: thrown,
      })
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new FarwatchError('invalid-setting', `${host} is not an address of this machine`, {
        hint: 'Choose another with --host; 0.0.0.0 is all of them.',
        cause: thrown,
      })
    throw thrown
  }
  // It listens on a port, so its address is one.
  const bound = app.server.address() as AddressInfo
  // Bound to everything, the one name that is right on this machine whatever its network is.
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return { url: `https://${shown.includes(':') ? `[${shown}]` : shown}:${bound.port}`, doors }
}

function secureServer(app: FastifyInstance) {
  // Fastify was given TLS material, so its server is one of node:tls.
  return app.server as unknown as import('node:tls').Server
}

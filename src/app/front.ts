import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import {
  accessHandlers,
  alarmHandlers,
  certificateHandlers,
  configurationHandlers,
  instanceHandlers,
  libraryHandlers,
  makeServer,
  monitoringHandlers,
  pluginHandlers,
} from '../api/index.ts'
import { FarwatchError, systemCodeOf } from '../base/index.ts'
import { localAgent } from '../inventory/index.ts'
import { diskSpace, machineFacts, residentBytes, type Settings } from '../platform/index.ts'
import type { AgentRole } from './agent-role.ts'
import { library } from './library.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Machine } from './machine.ts'
import { selfMetrics } from './self-metrics.ts'
import type { ServerRole } from './server-role.ts'

/**
 * Opens the HTTPS side of an instance: API, portal, health.
 * @returns where it is reached from this machine @throws FarwatchError `address-in-use`, `invalid-setting`
 */
export async function openFront(
  machine: Machine,
  { server, agent: { agent, counts } }: { readonly server: ServerRole; readonly agent: AgentRole },
  lifecycle: Lifecycle,
): Promise<string> {
  const { clock, version, environment, directory, settings, logs, log, identity, keystore, inventory, access } = machine
  const { history, alarms, delivery, live, health, configured } = server
  const { startedAt, upMs } = machine
  let url = ''
  const loopResolutionMs = 10
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  loop.enable()
  lifecycle.onStop('event loop meter', () => void loop.disable())
  // It measures by a timer of its own, whose interval is part of every reading.
  const loopP99Ms = () => Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs)
  const describe = () => ({
    uuid: identity.uuid,
    name: settings.values.name || machineFacts().hostname,
    version,
    roles: { server: true, agent: true },
    servers: [...settings.values.servers],
    fingerprint: identity.fingerprint,
    startedAt: new Date(startedAt).toISOString(),
    portalUrl: url,
  })
  const agentCounts = () => ({
    runs: (counts.byOutcome.ran ?? 0) + (counts.byOutcome.failed ?? 0) + (counts.byOutcome.late ?? 0),
    failed: counts.byOutcome.failed ?? 0,
    skipped: counts.byOutcome.skipped ?? 0,
    killed: counts.killed,
    uploads: counts.uploads,
  })
  const handlers = {
    ...accessHandlers(access),
    ...libraryHandlers(library),
    ...configurationHandlers({
      inventory,
      environment: (name) => (name.startsWith('FARWATCH_') ? undefined : environment[name]),
    }),
    ...monitoringHandlers({
      inventory,
      history,
      alarms,
      clock,
      agent: { runNow: async (task) => ({ agent: identity.uuid, result: await agent.runNow(task) }) },
      placeOf: ({ group }) => {
        const covered = inventory.coverageState(group)
        return covered.state === 'covered' ? { state: 'covered', agent: localAgent } : covered
      },
      agentName: (id) => (id === identity.uuid ? localAgent : id),
    }),
    ...alarmHandlers(alarms),
    ...pluginHandlers({ delivery, configured }),
    ...certificateHandlers({ keystore, inventory }),
    ...instanceHandlers({
      describe,
      settings,
      logs,
      inventory,
      alarms,
      history,
      agent: () => agent.status(),
      agentCounts,
      clock,
      freeBytes: () =>
        diskSpace(directory.path).then(
          ({ freeBytes }) => freeBytes,
          () => null,
        ),
      isWritable: () => health.unwritable === undefined,
      loopP99Ms,
      rssBytes: residentBytes,
      upMs,
    }),
  }
  const app = await makeServer({
    version,
    access,
    tls: keystore.tlsMaterial(),
    portal: builtPortal(),
    notReady: () => health.unwritable,
    metrics: async () =>
      selfMetrics({
        version,
        uuid: identity.uuid,
        tasks: inventory.tasks().length,
        upMs: upMs(),
        loopP99Ms: loopP99Ms(),
        rssBytes: residentBytes(),
        history: await history.facts(),
        agent: agent.status(),
        counts,
        plugins: await delivery.status(),
        alarms: alarms.counts(),
      }),
    metricsPublic: () => settings.values.metricsPublic,
    stream: (request, reply, caller) => live.stream(request, reply, caller),
    log,
    roles: () => describe().roles,
    handlers: () => handlers,
  })
  lifecycle.onStop('server', () => app.close())
  const endFollowing = keystore.onChange(() => {
    const { key, cert } = keystore.tlsMaterial()
    secureServer(app).setSecureContext({ key, cert })
    health.look()
  })
  lifecycle.onStop('certificate of the server', endFollowing)
  url = await listen(app, settings.values)
  return url
}

function builtPortal(): string | undefined {
  const directory = fileURLToPath(new URL('../../web/dist', import.meta.url))
  return existsSync(directory) ? directory : undefined
}

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<string> {
  try {
    await app.listen({ host, port })
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
  return `https://${shown.includes(':') ? `[${shown}]` : shown}:${bound.port}`
}

function secureServer(app: FastifyInstance) {
  // Fastify was given TLS material, so its server is one of node:tls.
  return app.server as unknown as import('node:tls').Server
}

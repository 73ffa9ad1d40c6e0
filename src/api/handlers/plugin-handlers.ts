import { FarwatchError, iso, isoOrNull, suggest } from '../../base/index.ts'
import type { ConfiguredPlugin, Delivery, DeliveryRecord, DeliveryState, PluginStatus } from '../../delivery/index.ts'
import { demand, Page, type Handlers } from '../route.ts'

type Names = 'listPlugins' | 'testPlugin' | 'listDeliveries' | 'retryDelivery' | 'discardDelivery'

/** Configured plugins, their queues and what they delivered. They belong to no group, so only who sees everything sees them. */
export function pluginHandlers(parts: {
  readonly delivery: Delivery
  readonly configured: () => readonly ConfiguredPlugin[]
}): Handlers<Names> {
  const { delivery, configured } = parts
  const known = (name: string): ConfiguredPlugin => {
    const found = configured().find((one) => one.name === name)
    if (found === undefined)
      throw new FarwatchError('not-found', `there is no plugin named ${JSON.stringify(name)}`, {
        hint: suggest(
          name,
          configured().map((one) => one.name),
        ),
      })
    return found
  }
  return {
    listPlugins: async ({ caller }) => {
      demand(caller, 'viewer', null)
      return (await delivery.status()).map(status)
    },
    testPlugin: async ({ caller, params }) => {
      demand(caller, 'operator', null)
      const { delivered, message } = await delivery.sendTest(known(params.name))
      return { delivered, message }
    },
    listDeliveries: async ({ caller, params, query }) => {
      demand(caller, 'viewer', null)
      const limit = Math.min(query.limit ?? 1_000, 1_000)
      const rows = await delivery.ledger({
        plugin: known(params.name).name,
        limit,
        ...(query.state === undefined ? {} : { state: query.state as DeliveryState }),
        ...(query.cursor === undefined ? {} : { before: deliveryId(query.cursor) }),
      })
      return new Page(rows.map(record), rows.length === limit ? String(rows.at(-1)!.id) : undefined)
    },
    retryDelivery: async ({ caller, params }) => {
      demand(caller, 'operator', null)
      await delivery.retry(deliveryId(params.id))
      return { done: true }
    },
    discardDelivery: async ({ caller, params }) => {
      demand(caller, 'operator', null)
      await delivery.discard(deliveryId(params.id))
      return { done: true }
    },
  }
}

function deliveryId(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new FarwatchError('not-found', `there is no delivery ${JSON.stringify(text)}`, {
      hint: 'GET /plugins/{name}/deliveries lists them.',
    })
  return Number(text)
}

function status({ name, plugin, sends, alarms, metrics }: PluginStatus) {
  return {
    name,
    plugin,
    sends: [...sends],
    queued: alarms?.queued ?? 0,
    inFlight: alarms?.inFlight ?? 0,
    delivered: alarms?.delivered ?? 0,
    dead: alarms?.dead ?? 0,
    failuresInARow: Math.max(alarms?.failuresInARow ?? 0, metrics?.failuresInARow ?? 0),
    lastError: alarms?.lastError ?? metrics?.lastError ?? null,
    oldestQueuedAt: isoOrNull(alarms?.oldestSince),
    metrics:
      metrics === undefined
        ? null
        : {
            behind: metrics.behind,
            sentPoints: metrics.sentPoints,
            droppedPoints: metrics.droppedPoints,
            skippedBatches: metrics.skippedBatches,
          },
  }
}

function record({ id, plugin, key, state, event, attempts, queuedAt, notBefore, finishedAt, message }: DeliveryRecord) {
  return {
    id: String(id),
    plugin,
    key,
    state,
    alarm: event.alarm.id,
    event: event.event,
    attempts,
    queuedAt: iso(queuedAt),
    notBefore: isoOrNull(notBefore),
    finishedAt: isoOrNull(finishedAt),
    message,
  }
}

import { Button, SegmentedControl, Table, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { PluginStatus } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { deliveriesOf, editable, me, plugins as pluginsQuery } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { Ago, When } from '../parts/marks.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { RemoveDialog } from './configuration-object-acts.tsx'
import { PluginDialog } from './plugin-form.tsx'

const { pluginForm: words } = texts
const shows = ['dead', 'queued', 'delivered', 'discarded', 'all'] as const

/** Where alarms, metrics and reports are sent, and whether they arrive. */
export function PluginsPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/plugins' })
  const plugins = useQuery(pluginsQuery)
  const { data: user } = useQuery(me)
  const [adding, add] = useState(false)
  const mayEdit = user !== undefined && may(user.grants, 'admin', '*')
  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.plugins.title}</Title>
        <Button
          size="xs"
          className="head-end"
          disabled={!mayEdit}
          title={mayEdit ? undefined : texts.common.notAllowed}
          onClick={() => add(true)}
        >
          {words.add}
        </Button>
      </div>
      <Present query={plugins}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={texts.plugins.empty} hint={texts.plugins.emptyHint} />
          ) : (
            <>
              <div className="cards">
                {rows.map((plugin) => (
                  <PluginCard
                    key={plugin.name}
                    plugin={plugin}
                    chosen={(search.plugin ?? rows[0]!.name) === plugin.name}
                  />
                ))}
              </div>
              <Deliveries name={rows.find((one) => one.name === search.plugin)?.name ?? rows[0]!.name} />
            </>
          )
        }
      </Present>
      {adding ? <PluginDialog name={undefined} onClose={() => add(false)} /> : null}
    </>
  )
}

function PluginCard({ plugin, chosen }: { plugin: PluginStatus; chosen: boolean }): ReactNode {
  const { data: user } = useQuery(me)
  const client = useQueryClient()
  const test = useMutation({
    mutationFn: () => call('testPlugin', { params: { name: plugin.name } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['plugins'] }),
  })
  const [opened, open] = useState<'edit' | 'remove' | undefined>()
  const allowed = user !== undefined && may(user.grants, 'operator')
  const mayEdit = user !== undefined && may(user.grants, 'admin', '*')
  const broken = plugin.dead > 0 || plugin.failuresInARow > 0
  return (
    <article className={chosen ? 'card card-chosen' : 'card'}>
      <header className="card-head">
        <h2>
          <Link
            to="/plugins"
            search={(old) => ({ ...old, plugin: plugin.name })}
            aria-current={chosen ? 'true' : undefined}
          >
            {plugin.name}
          </Link>
        </h2>
        <span className="dim">{plugin.plugin}</span>
        <span className={broken ? 'mark sev-MAJOR' : 'mark sev-CLEAR'}>
          {broken ? texts.plugins.failing : texts.severity.CLEAR}
        </span>
      </header>
      <Facts>
        <Fact name={texts.plugins.sends}>{plugin.sends.join(', ')}</Fact>
        <Fact name={texts.plugins.delivered}>{plugin.delivered.toLocaleString('en')}</Fact>
        <Fact name={texts.plugins.queued}>
          {(plugin.queued + plugin.inFlight).toLocaleString('en')}
          {plugin.oldestQueuedAt === null ? null : (
            <span className="dim">
              {' '}
              · {texts.plugins.oldest} <Ago at={plugin.oldestQueuedAt} />
            </span>
          )}
        </Fact>
        <Fact name={texts.plugins.dead} bad={plugin.dead > 0}>
          {plugin.dead.toLocaleString('en')}
        </Fact>
        {plugin.metrics === null ? null : <Fact name={texts.plugins.metrics}>{metricsLine(plugin.metrics)}</Fact>}
        {plugin.lastError === null ? null : (
          <Fact name={texts.plugins.lastError}>
            {plugin.lastError}{' '}
            {plugin.failuresInARow > 0 ? (
              <span className="dim">{texts.plugins.inARow(plugin.failuresInARow)}</span>
            ) : null}
          </Fact>
        )}
      </Facts>
      <span className="tools">
        <Button
          size="xs"
          variant="default"
          loading={test.isPending}
          disabled={!allowed}
          title={allowed ? undefined : texts.common.notAllowed}
          onClick={() => test.mutate()}
        >
          {texts.plugins.test}
        </Button>
        {mayEdit ? (
          <>
            <Button size="xs" variant="default" aria-label={words.editOf(plugin.name)} onClick={() => open('edit')}>
              {words.edit}
            </Button>
            <Button size="xs" variant="default" aria-label={words.removeOf(plugin.name)} onClick={() => open('remove')}>
              {words.remove}
            </Button>
          </>
        ) : null}
      </span>
      {opened === 'edit' ? <PluginDialog name={plugin.name} onClose={() => open(undefined)} /> : null}
      {opened === 'remove' ? <RemovePlugin name={plugin.name} onClose={() => open(undefined)} /> : null}
      {test.error === null ? null : <Failure error={test.error} title={texts.plugins.testFailed} />}
      {test.data === undefined ? null : (
        <div className={test.data.delivered ? 'success' : 'failure'} role="status">
          <strong>{test.data.delivered ? texts.plugins.testOk : texts.plugins.testFailed}</strong>
          <span className="break">{test.data.message}</span>
        </div>
      )}
    </article>
  )
}

function RemovePlugin({ name, onClose }: { name: string; onClose: () => void }): ReactNode {
  const configuration = useQuery(editable)
  if (configuration.data === undefined) return null
  return (
    <RemoveDialog at={{ plugin: name }} revision={configuration.data.revision} onClose={onClose} onDone={onClose} />
  )
}

function metricsLine(metrics: NonNullable<PluginStatus['metrics']>): string {
  return [
    texts.plugins.metricsSent(metrics.sentPoints),
    metrics.behind > 1 ? texts.plugins.metricsBehind(metrics.behind) : '',
    metrics.droppedPoints > 0 ? texts.plugins.metricsDropped(metrics.droppedPoints) : '',
    metrics.skippedBatches > 0 ? texts.plugins.metricsSkipped(metrics.skippedBatches) : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function Deliveries({ name }: { name: string }): ReactNode {
  const search = useSearch({ from: '/signed-in/plugins' })
  const navigate = useNavigate({ from: '/plugins' })
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const show = shows.find((one) => one === search.show) ?? 'dead'
  const deliveries = useInfiniteQuery(deliveriesOf(name, show === 'all' ? undefined : show))
  const act = useMutation({
    mutationFn: (given: { what: 'retryDelivery' | 'discardDelivery'; id: string }) =>
      call(given.what, { params: { id: given.id } }),
    onSuccess: (_, { what }) => {
      notifications.show({
        message: what === 'retryDelivery' ? texts.plugins.retried : texts.plugins.discarded,
        color: 'petrol',
      })
      return client.invalidateQueries({ queryKey: ['plugins'] })
    },
  })
  const allowed = user !== undefined && may(user.grants, 'operator')
  return (
    <section aria-labelledby="deliveries">
      <div className="section-head">
        <Title order={2} id="deliveries">
          {texts.plugins.deliveries}: {name}
        </Title>
        <SegmentedControl
          size="xs"
          aria-label={texts.plugins.show}
          value={show}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, plugin: name, show: value }) })}
          data={shows.map((value) => ({ value, label: texts.plugins.states[value] }))}
        />
      </div>
      {act.error === null ? null : <Failure error={act.error} title={texts.plugins.deliveries} />}
      <Present query={deliveries}>
        {(loaded) => {
          const rows = loaded.pages.flatMap((page) => page.rows)
          if (rows.length === 0) return <p className="quiet">{texts.plugins.noDeliveries[show]}</p>
          return (
            <>
              <Table.ScrollContainer minWidth={640} className="sheet">
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{texts.plugins.created}</Table.Th>
                      <Table.Th>{texts.alarms.state}</Table.Th>
                      <Table.Th>{texts.plugins.event}</Table.Th>
                      <Table.Th ta="right">{texts.plugins.attempts}</Table.Th>
                      <Table.Th>{texts.plugins.message}</Table.Th>
                      <Table.Th />
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {rows.map((one) => (
                      <Table.Tr key={one.id}>
                        <Table.Td className="nowrap">
                          <When at={one.queuedAt} />
                        </Table.Td>
                        <Table.Td>
                          <span
                            className={`mark ${{ dead: 'sev-MAJOR', queued: 'mark-none', delivered: 'sev-CLEAR', discarded: 'mark-none' }[one.state]}`}
                          >
                            {texts.plugins.state[one.state]}
                          </span>
                        </Table.Td>
                        <Table.Td>
                          {one.alarm === '' ? (
                            one.event
                          ) : (
                            <Link to="/alarms/$alarm" params={{ alarm: one.alarm }} search={{ state: 'all' }}>
                              {one.event}
                            </Link>
                          )}
                        </Table.Td>
                        <Table.Td ta="right" className="number">
                          {one.attempts}
                        </Table.Td>
                        <Table.Td className="break">
                          {one.message}
                          {one.notBefore === null ? null : (
                            <span className="dim">
                              {' '}
                              {texts.plugins.next} <When at={one.notBefore} />
                            </span>
                          )}
                        </Table.Td>
                        <Table.Td className="nowrap">
                          {one.state === 'delivered' || one.state === 'discarded' || !allowed ? null : (
                            <span className="tools">
                              {one.state === 'dead' ? (
                                <Button
                                  size="compact-xs"
                                  variant="default"
                                  onClick={() => act.mutate({ what: 'retryDelivery', id: one.id })}
                                >
                                  {texts.plugins.retry}
                                </Button>
                              ) : null}
                              <Button
                                size="compact-xs"
                                variant="default"
                                onClick={() => act.mutate({ what: 'discardDelivery', id: one.id })}
                              >
                                {texts.plugins.discard}
                              </Button>
                            </span>
                          )}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {deliveries.hasNextPage ? (
                <Button
                  variant="default"
                  mt="sm"
                  loading={deliveries.isFetchingNextPage}
                  onClick={() => void deliveries.fetchNextPage()}
                >
                  {texts.common.more}
                </Button>
              ) : null}
            </>
          )
        }}
      </Present>
    </section>
  )
}

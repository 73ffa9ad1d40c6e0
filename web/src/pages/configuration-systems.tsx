import { Button, Checkbox } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState, type ReactNode } from 'react'
import type { ConfigurationDocument, ObjectPlace } from '../../../src/contract/index.ts'
import { editable as editableQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { placeKey, placeOf, searchOf, treeRows, type TreeRow } from '../model/configuration-tree.ts'
import { Icon } from '../parts/icons.tsx'
import { Tags } from '../parts/marks.tsx'
import { Empty, Present } from '../parts/states.tsx'
import { TreeTools } from '../parts/tree-tools.tsx'
import { texts } from '../texts.ts'
import { AssignDialog } from './configuration-assign.tsx'
import { WithLibrary } from '../parts/with-library.tsx'
import { DiscoverPanel } from './configuration-discover.tsx'
import { ObjectPanel, type Subject } from './configuration-object.tsx'

const words = texts.config.tree
const rowHeight = 36
/** A small configuration is shown whole. */
const openedAtFirst = 60

/** Groups, systems, connectors and credentials: the tree on one side, what is chosen in it on the other. */
export function SystemsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const editable = useQuery(editableQuery)
  const isDiscovering = search.add === 'discovery' && search.group !== undefined
  const subject = ((): Subject | undefined => {
    const place = placeOf(search)
    const { group, system } = search
    if (search.add === 'group') return { is: 'new', kind: 'group', at: { group: '' } }
    if (group !== undefined && search.add === 'system') return { is: 'new', kind: 'system', at: { group, system: '' } }
    if (group !== undefined && search.add === 'credential')
      return { is: 'new', kind: 'credential', at: { group, credential: '' } }
    if (group !== undefined && system !== undefined && search.add === 'connector')
      return { is: 'new', kind: 'connector', at: { group, system, connector: '' } }
    return place === undefined ? undefined : { is: 'there', at: place }
  })()
  return (
    <Present query={editable}>
      {({ revision, document }) => (
        <div className={`config-split${subject === undefined && !isDiscovering ? '' : ' has-subject'}`}>
          <Tree document={document} chosen={subject?.at} />
          <section className="config-panel" aria-label={texts.config.tabs.systems}>
            {isDiscovering && search.group !== undefined ? (
              <>
                <Link to="/configuration" search={{}} className="config-back">
                  {words.back}
                </Link>
                <DiscoverPanel
                  key={`${search.group} ${search.system ?? ''}`}
                  group={search.group}
                  system={search.system}
                  document={document}
                />
              </>
            ) : subject === undefined ? (
              <Empty title={words.pick} hint={words.pickHint} />
            ) : (
              <>
                <Link to="/configuration" search={{}} className="config-back">
                  {words.back}
                </Link>
                <WithLibrary>
                  {(library) => (
                    <ObjectPanel
                      key={`${subject.is} ${placeKey(subject.at)} ${search.add ?? ''}`}
                      subject={subject}
                      document={document}
                      revision={revision}
                      library={library}
                    />
                  )}
                </WithLibrary>
              </>
            )}
          </section>
        </div>
      )}
    </Present>
  )
}

function Tree({ document, chosen }: { document: ConfigurationDocument; chosen: ObjectPlace | undefined }): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const navigate = useNavigate({ from: '/configuration' })
  const { data: user } = useQuery(me)
  const [open, setOpen] = useState<ReadonlySet<string>>(() => openedFor(document, chosen))
  const [marked, setMarked] = useState<ReadonlyMap<string, ObjectPlace>>(new Map())
  const [isAssigning, assign] = useState(false)
  const text = search.text ?? ''
  const rows = useMemo(() => treeRows(document, open, text), [document, open, text])
  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (i) => rows[i]!.key,
  })
  const toggle = <T,>(all: ReadonlySet<T>, one: T): ReadonlySet<T> => {
    const next = new Set(all)
    if (!next.delete(one)) next.add(one)
    return next
  }
  const mark = ({ key, place }: TreeRow): void => {
    const next = new Map(marked)
    if (!next.delete(key)) next.set(key, place)
    setMarked(next)
  }
  const editor = user !== undefined && may(user.grants, 'editor')
  const everywhere = user !== undefined && may(user.grants, 'editor', '*')
  return (
    <div className="config-tree">
      <TreeTools
        label={words.filter}
        text={text}
        add={words.addGroup}
        allowed={everywhere}
        onAdd={() => void navigate({ search: { add: 'group' } })}
      />
      {marked.size === 0 ? null : (
        <div className="tree-marked" role="status">
          <span>{words.marked(marked.size)}</span>
          <Button size="xs" onClick={() => assign(true)}>
            {words.assign}
          </Button>
          <Button size="xs" variant="subtle" color="gray" onClick={() => setMarked(new Map())}>
            {words.unmark}
          </Button>
        </div>
      )}
      {rows.length === 0 ? (
        text === '' ? (
          <Empty title={words.empty} hint={words.emptyHint} />
        ) : (
          <Empty title={words.nothingFound} />
        )
      ) : (
        <div className="tree-box sheet" ref={box}>
          <div className="rows" role="list" aria-label={words.label} style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index]!
              const isChosen = chosen !== undefined && placeKey(chosen) === row.key
              return (
                <div
                  key={item.key}
                  role="listitem"
                  className={`tree-row tree-${row.kind} level-${row.level}${isChosen ? ' is-chosen' : ''}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {row.inside === 0 || row.kind === 'connector' ? (
                    <span className="fold-space" />
                  ) : (
                    <button
                      type="button"
                      className="fold"
                      aria-expanded={row.isOpen}
                      aria-label={words.open(row.name)}
                      onClick={() => setOpen(toggle(open, row.key))}
                    >
                      <Icon name="chevron" size={14} />
                    </button>
                  )}
                  {editor && (row.kind === 'system' || row.kind === 'connector') ? (
                    <Checkbox
                      size="xs"
                      aria-label={words.mark(row.name)}
                      checked={marked.has(row.key)}
                      onChange={() => mark(row)}
                    />
                  ) : null}
                  {row.kind === 'credential' ? <Icon name="key" size={14} /> : null}
                  <Link
                    to="/configuration"
                    search={(old) => ({
                      ...(old.text === undefined ? {} : { text: old.text }),
                      ...searchOf(row.place),
                    })}
                    className="tree-link ellipsis"
                    title={row.name}
                    aria-current={isChosen ? 'true' : undefined}
                  >
                    {row.name}
                  </Link>
                  <span className="tree-about dim ellipsis">
                    {row.kind === 'group' ? words.inside(row.inside) : row.type}
                    {row.kind === 'connector' && row.profiles === 0 ? ` · ${words.noProfiles}` : ''}
                  </span>
                  {row.kind === 'system' ? <Tags of={row.tags} /> : null}
                </div>
              )
            })}
          </div>
        </div>
      )}
      {isAssigning ? (
        <AssignDialog
          places={[...marked.values()]}
          document={document}
          onClose={() => assign(false)}
          onDone={() => {
            assign(false)
            setMarked(new Map())
          }}
        />
      ) : null}
    </div>
  )
}

function openedFor(document: ConfigurationDocument, chosen: ObjectPlace | undefined): ReadonlySet<string> {
  const open = new Set<string>()
  const groups = document.groups ?? []
  const size = groups.reduce((sum, group) => sum + (group.systems?.length ?? 0), groups.length)
  if (size <= openedAtFirst) {
    for (const { name, systems = [] } of groups) {
      open.add(placeKey({ group: name }))
      for (const system of systems) open.add(placeKey({ group: name, system: system.name }))
    }
  }
  if (chosen === undefined || !('group' in chosen)) return open
  open.add(placeKey({ group: chosen.group }))
  if ('system' in chosen) open.add(placeKey({ group: chosen.group, system: chosen.system }))
  return open
}

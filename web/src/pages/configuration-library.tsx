import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, type ReactNode } from 'react'
import { editable as editableQuery } from '../api/queries.ts'
import { matchesWords, monitorName } from '../model/configuration-tree.ts'
import type { Library, MonitorType } from '../model/object-draft.ts'
import { declared, defaultText, limitText } from '../model/settings-form.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { rowsIn, RuleLine } from '../parts/rules-editor.tsx'
import { Empty } from '../parts/states.tsx'
import { WithLibrary } from '../parts/with-library.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const words = texts.config.library

/** Every monitor there is, with what it measures and how it judges unless told otherwise. */
export function LibraryTab(): ReactNode {
  return <WithLibrary>{(library) => <Library library={library} />}</WithLibrary>
}

function Library({ library }: { library: Library }): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const navigate = useNavigate({ from: '/configuration' })
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  const text = search.text ?? ''
  const found = library.monitors.filter(
    ({ id, title, summary, connectors, metrics }) =>
      text === '' ||
      matchesWords(text, id, title, summary, ...connectors, ...metrics.map((one) => `${one.name} ${one.title}`)),
  )
  const chosen = library.monitors.find(({ id }) => id === search.monitor)
  return (
    <div className={`config-split${chosen === undefined ? '' : ' has-subject'}`}>
      <div className="config-tree">
        <div className="tree-tools">
          <FilterText label={words.filter} value={text} onChange={filter} />
        </div>
        {found.length === 0 ? <Empty title={texts.config.tree.nothingFound} /> : null}
        {library.connectors
          .filter((type) => found.some(({ connectors }) => connectors.includes(type.id)))
          .map((type) => (
            <section key={type.id} aria-label={type.title}>
              <h3 className="library-type">{type.title}</h3>
              <ul className="sheet plain-rows profile-list">
                {found
                  .filter(({ connectors }) => connectors.includes(type.id))
                  .map(({ id, title }) => (
                    <li key={id} className={id === chosen?.id ? 'is-chosen' : undefined}>
                      <Link
                        to="/configuration"
                        search={(old) => ({
                          tab: 'library',
                          monitor: id,
                          ...(old.text === undefined ? {} : { text: old.text }),
                        })}
                        className="tree-link ellipsis grow"
                        aria-current={id === chosen?.id ? 'true' : undefined}
                      >
                        {title}
                      </Link>
                      <span className="dim">{id}</span>
                    </li>
                  ))}
              </ul>
            </section>
          ))}
      </div>
      <section className="config-panel" aria-label={texts.config.tabs.library}>
        {chosen === undefined ? (
          <Empty title={words.pick} hint={words.pickHint} />
        ) : (
          <>
            <Link to="/configuration" search={{ tab: 'library' }} className="config-back">
              {words.back}
            </Link>
            <Reference monitor={chosen} />
          </>
        )}
      </section>
    </div>
  )
}

function Reference({ monitor }: { monitor: MonitorType }): ReactNode {
  const editable = useQuery(editableQuery)
  const {
    id,
    title,
    summary,
    connectors,
    period,
    timeout,
    metrics,
    openMetrics,
    needs,
    grant,
    thresholdsFrom,
    tryIt,
    optIn,
    tested,
  } = monitor
  const params = Object.entries(declared(monitor.params))
  const users = (editable.data?.document.profiles ?? []).flatMap((profile) =>
    (profile.monitors ?? []).flatMap((one) =>
      one.monitor === id ? [{ profile: profile.name, name: monitorName(one) }] : [],
    ),
  )
  return (
    <article className="reference">
      <div className="head-line">
        <h2>{title}</h2>
        <code>{id}</code>
      </div>
      <p>{withCode(summary)}</p>
      <p className="dim">{words.runs(connectors.join(', '), period, timeout)}</p>
      {needs === null ? null : (
        <p>
          <strong>{words.needs}</strong> {withCode(needs)}
        </p>
      )}
      {optIn === null ? null : (
        <p>
          <strong>{words.optIn}</strong> {withCode(optIn)}
        </p>
      )}
      <p className="dim">{words.tested[tested]}</p>
      {grant === null ? null : (
        <>
          <h3>{words.grant}</h3>
          <pre className="verbatim" tabIndex={0} aria-label={words.grant}>
            {grant}
          </pre>
        </>
      )}
      <h3>{words.usedIn}</h3>
      {users.length === 0 ? (
        <p className="quiet">{words.unused}</p>
      ) : (
        <ul className="plain-list">
          {users.map(({ profile, name }) => (
            <li key={`${profile} ${name}`}>
              <Link to="/configuration" search={{ tab: 'profiles', profile, monitor: name }}>
                {profile} / {name}
              </Link>
            </li>
          ))}
        </ul>
      )}
      <h3>{words.metrics}</h3>
      <Sheet label={words.metrics} head={[words.name, words.measures, words.unit, words.items]}>
        {metrics.map((one) => (
          <tr key={one.name}>
            <td>
              <code>{one.name}</code>
            </td>
            <td>{one.title}</td>
            <td>
              {one.unit === '' ? words.plain : one.unit}
              {one.kind === 'counter' ? <span className="dim"> · {texts.config.rules.counter}</span> : null}
            </td>
            <td>{one.items.join(', ')}</td>
          </tr>
        ))}
      </Sheet>
      {openMetrics === null ? null : (
        <p>
          {words.more} {withCode(openMetrics)}
        </p>
      )}
      <h3>{words.rules}</h3>
      <ol className="rule-list">
        {rowsIn(monitor).map((rule, i) => (
          <li key={i} className="rule-card rule-shown">
            <RuleLine rule={rule} />
          </li>
        ))}
      </ol>
      {thresholdsFrom === null ? null : (
        <p className="dim">
          {words.thresholdsFrom} {withCode(thresholdsFrom)}
        </p>
      )}
      {tryIt === null ? null : (
        <>
          <h3>{words.tryIt}</h3>
          <p>{withCode(tryIt)}</p>
        </>
      )}
      <h3>{words.settings}</h3>
      {params.length === 0 ? (
        <p className="quiet">{words.noSettings}</p>
      ) : (
        <Sheet label={words.settings} head={[words.name, words.meaning, words.default]}>
          {params.map(([key, param]) => (
            <tr key={key}>
              <td>
                <code>{key}</code>
              </td>
              <td>
                {param.label}
                {param.help === undefined ? null : <span className="dim">. {withCode(param.help)}</span>}
                {limitText(param) === undefined ? null : (
                  <span className="dim"> {texts.config.form.limits(limitText(param) ?? '')}</span>
                )}
              </td>
              <td>{param.kind === 'flag' ? String(param.default) : (defaultText(param) ?? texts.common.none)}</td>
            </tr>
          ))}
        </Sheet>
      )}
    </article>
  )
}

function Sheet({
  label,
  head,
  children,
}: {
  readonly label: string
  readonly head: readonly string[]
  readonly children: ReactNode
}): ReactNode {
  return (
    <div className="table-box table-whole" role="region" aria-label={label} tabIndex={0}>
      <table className="plain-table">
        <thead>
          <tr>
            {head.map((one) => (
              <th key={one}>{one}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

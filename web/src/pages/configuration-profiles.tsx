import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactNode } from 'react'
import type { ConfigurationDocument, ProfileDocument } from '../../../src/contract/index.ts'
import { editable as editableQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { matchesWords, monitorName, placeKey } from '../model/configuration-tree.ts'
import type { Library } from '../model/object-draft.ts'
import { Empty, Present } from '../parts/states.tsx'
import { WithLibrary } from '../parts/with-library.tsx'
import { TreeTools } from '../parts/tree-tools.tsx'
import { texts } from '../texts.ts'
import { ObjectPanel, type Subject } from './configuration-object.tsx'

const words = texts.config.profiles

/** The profiles on one side; on the other a profile with its monitors, or one monitor of it. */
export function ProfilesTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const editable = useQuery(editableQuery)
  const { profile, monitor, add } = search
  const subject = ((): Subject | undefined => {
    if (add === 'profile') return { is: 'new', kind: 'profile', at: { profile: '' } }
    if (profile === undefined) return undefined
    if (add === 'monitor') return { is: 'new', kind: 'monitor', at: { profile, monitor: '' } }
    return { is: 'there', at: monitor === undefined ? { profile } : { profile, monitor } }
  })()
  return (
    <Present query={editable}>
      {({ revision, document }) => (
        <div className={`config-split${subject === undefined ? '' : ' has-subject'}`}>
          <ProfileList document={document} />
          <section className="config-panel" aria-label={texts.config.tabs.profiles}>
            {subject === undefined ? (
              <Empty title={words.pick} hint={words.pickHint} />
            ) : (
              <>
                <Link to="/configuration" search={{ tab: 'profiles' }} className="config-back">
                  {words.back}
                </Link>
                <WithLibrary>
                  {(library) => (
                    <>
                      <ObjectPanel
                        key={`${subject.is} ${placeKey(subject.at)} ${add ?? ''}`}
                        subject={subject}
                        document={document}
                        revision={revision}
                        library={library}
                      />
                      {subject.is === 'there' && monitor === undefined ? (
                        <Monitors
                          profile={document.profiles?.find(({ name }) => name === profile)}
                          document={document}
                          library={library}
                        />
                      ) : null}
                    </>
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

function ProfileList({ document }: { document: ConfigurationDocument }): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const navigate = useNavigate({ from: '/configuration' })
  const { data: user } = useQuery(me)
  const allowed = user !== undefined && may(user.grants, 'editor', '*')
  const text = search.text ?? ''
  const profiles = (document.profiles ?? []).filter(
    ({ name, connector, description = '', monitors = [] }) =>
      text === '' || matchesWords(text, name, connector, description, ...monitors.map(({ monitor }) => monitor)),
  )
  return (
    <div className="config-tree">
      <TreeTools
        label={words.filter}
        text={text}
        add={words.add}
        allowed={allowed}
        onAdd={() => void navigate({ search: { tab: 'profiles', add: 'profile' } })}
      />
      {profiles.length === 0 ? (
        <Empty
          title={text === '' ? words.none : texts.config.tree.nothingFound}
          hint={text === '' ? words.noneHint : ''}
        />
      ) : (
        <ul className="sheet plain-rows profile-list" aria-label={texts.config.tabs.profiles}>
          {profiles.map(({ name, connector, monitors = [] }) => (
            <li key={name} className={name === search.profile ? 'is-chosen' : undefined}>
              <Link
                to="/configuration"
                search={(old) => ({
                  tab: 'profiles',
                  profile: name,
                  ...(old.text === undefined ? {} : { text: old.text }),
                })}
                className="tree-link ellipsis grow"
                title={name}
                aria-current={name === search.profile ? 'true' : undefined}
              >
                {name}
              </Link>
              <span className="dim">
                {connector} · {words.monitors(monitors.length)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Monitors({
  profile,
  document,
  library,
}: {
  readonly profile: ProfileDocument | undefined
  readonly document: ConfigurationDocument
  readonly library: Library
}): ReactNode {
  const navigate = useNavigate({ from: '/configuration' })
  const { data: user } = useQuery(me)
  if (profile === undefined) return null
  const { name, monitors = [] } = profile
  const connectors = (document.groups ?? [])
    .flatMap(({ systems = [] }) => systems.flatMap((system) => system.connectors ?? []))
    .filter((one) => one.profiles?.includes(name) === true).length
  return (
    <section className="panel-part" aria-labelledby="profile-monitors">
      <div className="head-line">
        <h3 id="profile-monitors">{words.monitorsTitle}</h3>
        <span className="dim">{words.usedBy(connectors)}</span>
        <Button
          size="xs"
          className="head-end"
          variant="default"
          disabled={user === undefined || !may(user.grants, 'editor', '*')}
          onClick={() => void navigate({ search: { tab: 'profiles', profile: name, add: 'monitor' } })}
        >
          {words.addMonitor}
        </Button>
      </div>
      {monitors.length === 0 ? (
        <p className="quiet">{words.noMonitors}</p>
      ) : (
        <ul className="sheet plain-rows">
          {monitors.map((one) => {
            const known = library.monitors.find(({ id }) => id === one.monitor)
            return (
              <li key={monitorName(one)}>
                <Link
                  to="/configuration"
                  search={{ tab: 'profiles', profile: name, monitor: monitorName(one) }}
                  className="grow"
                >
                  {monitorName(one)}
                </Link>
                <span className="dim">{known?.title}</span>
                <span className="dim">{words.every(one.period ?? known?.period ?? '')}</span>
                <span className="dim">
                  {one.rules === undefined ? words.defaultRules : words.ownRules(one.rules.length)}
                </span>
              </li>
            )
          })}
        </ul>
      )}
    </section>
  )
}

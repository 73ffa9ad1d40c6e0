import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { configuration, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { writeDocument } from '../model/document.ts'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

export function DocumentTab({ edit }: { edit: (text: string) => void }): ReactNode {
  const document = useQuery(configuration)
  const { data: user } = useQuery(me)
  const clipboard = useClipboard()
  return (
    <Present query={document}>
      {(loaded) => {
        const text = writeDocument(loaded)
        return (
          <>
            <div className="tool-line">
              <span className="dim">{texts.configuration.documentHint}</span>
              <span className="tools">
                <Button size="xs" variant="default" onClick={() => clipboard.copy(text)}>
                  {clipboard.copied ? texts.common.copied : texts.common.copy}
                </Button>
                <Button size="xs" variant="default" onClick={() => download('farwatch.yaml', text)}>
                  {texts.common.download}
                </Button>
                {user !== undefined && may(user.grants, 'editor') ? (
                  <Button size="xs" onClick={() => edit(text)}>
                    {texts.configuration.edit}
                  </Button>
                ) : null}
              </span>
            </div>
            {/* Focusable, so that the keyboard can scroll it. */}
            <pre className="code" tabIndex={0}>
              {text}
            </pre>
          </>
        )
      }}
    </Present>
  )
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

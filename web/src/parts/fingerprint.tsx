import type { ReactNode } from 'react'
import { fingerprintLines } from '../format/fingerprints.ts'
import { texts } from '../texts.ts'
import { CopyText } from './copy-text.tsx'

/** A fingerprint large enough to be compared, line by line, with what another screen shows. */
export function Fingerprint({ of, label }: { of: string; label: string }): ReactNode {
  return (
    <div className="fingerprint">
      <span className="label">{label}</span>
      <div className="fingerprint-line">
        <code className="fingerprint-text">
          {fingerprintLines(of).map((line, i) => (
            <span key={i}>{line}</span>
          ))}
        </code>
        <CopyText text={of} what={texts.common.copyFingerprint} />
      </div>
    </div>
  )
}

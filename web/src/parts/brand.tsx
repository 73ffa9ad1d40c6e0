import type { ReactNode } from 'react'
import { texts } from '../texts.ts'

export function Brand(): ReactNode {
  return (
    <span className="brand-name">
      <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0f5c73" />
        <path
          d="M5 17h5l3-8 5 15 3-7h6"
          fill="none"
          stroke="#fff"
          strokeWidth="2.6"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      {texts.product}
    </span>
  )
}

import { render, screen } from '@testing-library/react';
import * as React from 'react';

import { useMetrics } from '../metrics';
import { measureNothing } from './measuring';

beforeAll(measureNothing);
afterEach(() => jest.restoreAllMocks());

function Measured({ ready }: { ready: boolean }): JSX.Element {
  const { ref, width } = useMetrics();
  return ready ? <p ref={ref}>{width}</p> : <p />;
}

it('measures an element that comes later than its component', () => {
  jest.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1234);
  const { rerender } = render(<Measured ready={false} />);
  rerender(<Measured ready={true} />);
  expect(screen.getByText('1234')).toBeTruthy();
});

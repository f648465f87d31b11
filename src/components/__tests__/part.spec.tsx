import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { PartFields } from '../part';

it.each([
  ['12', 12],
  ['2.7', 2],
  ['0.5', null],
  ['-5', null]
])('the first %s files are %s whole ones', (typed, first) => {
  const onChange = jest.fn();
  const trans = nullTranslator.load('');
  render(<PartFields part={{}} trans={trans} onChange={onChange} />);
  const field = screen.getByRole('spinbutton');
  fireEvent.change(field, { target: { value: typed } });
  expect(onChange).toHaveBeenCalledWith({ first });
});

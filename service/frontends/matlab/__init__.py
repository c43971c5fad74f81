"""The dialect `matlab`: the spelling of matrixcalculus.org, where vectors are columns and rows."""

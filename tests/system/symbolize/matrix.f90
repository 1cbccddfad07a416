! SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
! The Fortran program of symbolize_differential.sh: modules, contained procedures, entry points.
module matrices
  implicit none
contains
  pure function scaled(a, factor) result(b)
    real, intent(in) :: a(:, :), factor
    real :: b(size(a, 1), size(a, 2))
    b = a * factor
  end function scaled

  subroutine fill(a, seed)
    real, intent(out) :: a(:, :)
    integer, intent(in) :: seed
    integer :: i, j
    do j = 1, size(a, 2)
      do i = 1, size(a, 1)
        a(i, j) = value(i, j)
      end do
    end do
  contains
    real function value(i, j)
      integer, intent(in) :: i, j
      value = mod(i * 31 + j * 17 + seed, 97) / 97.0
    end function value
  end subroutine fill
end module matrices

program matrix
  use matrices
  implicit none
  real :: a(40, 40), b(40, 40)
  integer :: i
  call fill(a, 7)
  b = scaled(a, 2.5)
  do i = 1, 3
    b = matmul(a, b) / 10
    print *, i, sum(b), maxval(b), minloc(b)
  end do
end program matrix

# shellcheck shell=bash
# Read a script's command line into its variables. Source it after the defaults and a usage text:
#
#   jobs=1
#   force=false
#   usage="... --jobs N ... --force true|false ..."
#   . recipes/common/parse_options.sh
#
# An option exists where the usage text names it, or where `renamed` ("old=new older=newer", without dashes) gives its
# new name; then a line on stderr says so. `--some-name value` and `--some-name=value` set some_name;
# where the default is true or false, or a whole number, the value must be one too. `--` ends the options;
# what follows it stays in "$@". A mistake ends the script with exit code 2.

option_error() {
  echo "$(basename "$0"): $1 (see --help)" >&2
  exit 2
}

: "${usage:?the script that sources parse_options.sh must set usage}"
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) printf '%s\n' "$usage"; exit 0 ;;
    --) shift; break ;;
    --?*=*) option="${1%%=*}" option_value="${1#*=}"; shift ;;
    --?*)
      option="$1"
      [ $# -ge 2 ] || option_error "option $option needs a value"
      option_value="$2"
      case "$option_value" in --*) option_error "option $option needs a value; found the option $2" ;; esac
      shift 2 ;;
    *) option_error "unexpected argument '$1'; options are --name value" ;;
  esac
  for renaming in ${renamed-}; do
    [ "$option" != "--${renaming%%=*}" ] || {
      echo "$(basename "$0"): $option is called --${renaming#*=} now; the next release drops the old name" >&2
      option="--${renaming#*=}"
    }
  done
  [[ "$option" =~ ^--[a-z][a-z0-9-]*$ ]] && [[ "$usage" =~ (^|[^a-z0-9-])"$option"([^a-z0-9-]|$) ]] \
    || option_error "unknown option $option"
  option_name="${option#--}" option_name="${option_name//-/_}"
  [[ ! "${!option_name-}" =~ ^(true|false)$ ]] || [[ "$option_value" =~ ^(true|false)$ ]] \
    || option_error "option $option is '$option_value'; expected true or false"
  [[ ! "${!option_name-}" =~ ^[0-9]+$ ]] || [[ "$option_value" =~ ^[0-9]+$ ]] \
    || option_error "option $option is '$option_value'; expected a whole number"
  printf -v "$option_name" '%s' "$option_value"
done

#!/bin/sh
# Makes deploy/secrets/ for docker compose: every secret once, none twice, nothing printed.
# A file that exists stays: delete one (and the volumes that were made with it) to change it.
#
# The folder is closed to everybody else on the host. The files inside are readable, because compose
# mounts them as they are and the containers run as users of their own.
set -eu
cd "$(dirname "$0")/.."
folder=deploy/secrets
mkdir -p $folder
chmod 700 $folder

random() {
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

# write NAME VALUE
write() {
    if [ ! -s "$folder/$1" ]; then
        # First under another name: a half-written file would count as made.
        printf '%s\n' "$2" >"$folder/.new"
        chmod 444 "$folder/.new"
        mv "$folder/.new" "$folder/$1"
        made=$((${made:-0} + 1))
    fi
}

# 256 bits each: the key that company keys are sealed with, and the one that signs context headers.
write master_key.txt "$(random 32)"
write bus_key.txt "$(random 32)"

# The bearer token of the first member of staff.
write staff_token.txt "$(random 32)"

# Signs what a mail server hands in.
write inbound_key.txt "$(random 32)"

# What the sandboxes and billing share; with live keys these hold the providers' own.
write stripe_secret_key.txt "sk_test_$(random 16)"
write stripe_webhook_secret.txt "whsec_$(random 16)"
write paypal_client_id.txt "sandbox-$(random 8)"
write paypal_client_secret.txt "$(random 16)"
write paypal_webhook_id.txt "$(random 8 | tr 'a-f' 'A-F')"

write postgres_password.txt "$(random 16)"
for service in accounts workers billing notifications; do
    write ${service}_database_url.txt "postgresql://${service}_app:$(random 16)@postgres:5432/$service"
    write ${service}_database_owner_url.txt "postgresql://${service}_owner:$(random 16)@postgres:5432/$service"
done

# Each service is a user of the broker: `actiontrac broker setup` hands it their hashes.
for service in accounts workers billing notifications gateway; do
    write ${service}_bus_password.txt "$(random 16)"
done

echo "${made:-0} secrets made, the others were there; they are in $folder/."

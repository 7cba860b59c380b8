"""Who did what that others may have to know of later."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0021_accounts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('deed', models.CharField(choices=[('signed_in', 'Signed in'), ('sign_in_failed', 'Sign-in failed'), ('signed_out', 'Signed out'), ('session_ended', 'Session ended'), ('password_changed', 'Password changed'), ('address_changed', 'Mail address changed'), ('reset_asked', 'New password asked for by mail'), ('code_on', 'Sign-in with a code switched on'), ('code_off', 'Sign-in with a code switched off'), ('token_made', 'Token made'), ('token_revoked', 'Token revoked'), ('invited', 'Invitation made'), ('invitation_withdrawn', 'Invitation withdrawn'), ('account_made', 'Account made'), ('account_changed', 'Account changed'), ('shared', 'Shared'), ('share_ended', 'Share ended'), ('deleted', 'Photos deleted for ever'), ('exported', 'Exported')], max_length=30)),
                ('owner_name', models.CharField(blank=True, max_length=150)),
                ('by_name', models.CharField(blank=True, max_length=150)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('detail', models.CharField(blank=True, max_length=200)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['owner', '-at'], name='audit_of_owner')],
            },
        ),
    ]

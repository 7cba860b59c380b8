"""What people pause, the checks of the index, and what each worker is at."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0014_figures_of_workers'),
    ]

    operations = [
        migrations.CreateModel(
            name='IndexCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('repair', models.BooleanField(default=False)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('begun_at', models.DateTimeField(blank=True, null=True)),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('model_key', models.CharField(blank=True, max_length=200)),
                ('queries', models.PositiveIntegerField(default=0)),
                ('searches', models.PositiveIntegerField(default=0)),
                ('recall', models.FloatField(blank=True, null=True)),
                ('missing', models.PositiveIntegerField(default=0)),
                ('orphans', models.PositiveIntegerField(default=0)),
                ('problem', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name='PausedWork',
            fields=[
                ('kind', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('paused_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name='workerstatus',
            name='work',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
